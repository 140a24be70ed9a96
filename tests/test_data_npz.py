"""Mapping gives the array that was saved."""

import hashlib
import io
import multiprocessing
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from submission.cli import main
from submission.data.npz import has_member, is_stored, map_member, read_small_member
from submission.data.npz import verify_checksum as verify
from submission.data.unpacked import find_copies

Array = npt.NDArray[Any]
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)


class Unseekable(io.BytesIO):
    """A stream that zipfile has to write with its sizes after the data."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def saved_streaming(path: Path, array: Array) -> None:
    stream = Unseekable()
    content = io.BytesIO()
    np.save(content, array)
    with zipfile.ZipFile(stream, "w") as archive, archive.open("images.npy", "w") as member:
        member.write(content.getvalue())
    path.write_bytes(stream.getvalue())


def saved_version_2(path: Path, array: Array) -> None:
    content = io.BytesIO()
    cast(Any, np.lib.format).write_array(content, array, version=(2, 0))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", content.getvalue())


def saved_plainly(path: Path, array: Array) -> None:
    np.savez(path, images=array)


def saved_packed(path: Path, array: Array) -> None:
    np.savez_compressed(path, images=array)


@pytest.mark.parametrize("save", [saved_plainly, saved_packed, saved_streaming, saved_version_2])
@pytest.mark.parametrize(
    "array",
    [IMAGES, RANDOM.random((7, 3)).astype(np.float32), RANDOM.random(9), np.ones((2, 0, 1))[:, :0]],
    ids=["images", "float32", "float64", "nothing"],
)
def test_the_mapped_array_is_the_saved_one(
    save: Callable[[Path, Array], None], array: Array, tmp_path: Path
) -> None:
    path = tmp_path / "array.npz"
    save(path, array)
    if array.size == 0:
        with pytest.raises(ValueError, match="got none"):
            map_member(path)
        return
    mapped = map_member(path)
    assert isinstance(mapped, np.memmap)
    assert mapped.dtype == array.dtype
    np.testing.assert_array_equal(mapped, array)
    assert is_stored(path) == (save is not saved_packed)
    verify(path)


def test_what_is_mapped_cannot_be_written(tmp_path: Path) -> None:
    saved_plainly(tmp_path / "array.npz", IMAGES)
    mapped = map_member(tmp_path / "array.npz")
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 0


def test_small_members_are_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES, sizes=np.array([[1, 2], [3, 4]]), one=np.array(7))
    assert read_small_member(tmp_path / "a.npz", "sizes").tolist() == [[1, 2], [3, 4]]
    assert read_small_member(tmp_path / "a.npz", "one").item() == 7
    assert has_member(tmp_path / "a.npz", "sizes")
    assert not has_member(tmp_path / "a.npz", "shapes")


def test_a_packed_file_is_unpacked_once_and_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "array.npz"
    saved_packed(path, IMAGES)
    map_member(path)
    (first,) = tmp_path.glob(".*.npy")
    before = first.stat()
    np.testing.assert_array_equal(map_member(path), IMAGES)
    assert first.stat().st_mtime_ns == before.st_mtime_ns
    assert first.stat().st_ino == before.st_ino

    saved_packed(path, IMAGES[:3])
    np.testing.assert_array_equal(map_member(path), IMAGES[:3])
    (second,) = tmp_path.glob(".*.npy")
    assert second != first


def test_a_changed_byte_is_found_by_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "array.npz"
    saved_plainly(path, IMAGES)
    content = bytearray(path.read_bytes())
    content[250] ^= 1
    path.write_bytes(bytes(content))
    map_member(path)
    with pytest.raises(ValueError, match="CRC"):
        verify(path)


def test_a_file_beyond_four_gibibytes_is_mapped_without_being_read(tmp_path: Path) -> None:
    num_images, length = 400_000, 64 * 64 * 3
    path = tmp_path / "long.npz"
    content = io.BytesIO()
    cast(Any, np.lib.format).write_array_header_1_0(
        content, {"descr": "|u1", "fortran_order": False, "shape": (num_images, 64, 64, 3)}
    )
    info = zipfile.ZipInfo("images.npy")
    info.file_size = info.compress_size = len(content.getvalue()) + num_images * length
    info.CRC = info.header_offset = 0
    with path.open("wb+") as file:
        file.write(info.FileHeader(zip64=True) + content.getvalue())
        file.seek((num_images - 1) * length, 1)
        file.write(bytes([9]) * length)
        with zipfile.ZipFile(file, "w") as archive:
            archive.filelist.append(info)
            archive.NameToInfo[info.filename] = info
    assert path.stat().st_size > 1 << 32
    mapped = map_member(path)
    assert mapped.shape == (num_images, 64, 64, 3)
    assert mapped[-1].min() == 9
    assert mapped[-2].max() == 0


def digest_of(path: Path, seed: int) -> str:
    mapped = map_member(path)
    order = np.random.default_rng(seed).permutation(len(mapped))
    scattered = mapped[order]
    return hashlib.sha256(scattered[np.argsort(order)].tobytes()).hexdigest()


def test_several_processes_read_one_file(tmp_path: Path) -> None:
    path = tmp_path / "array.npz"
    images = RANDOM.integers(0, 256, (64, 64, 64, 3), dtype=np.uint8)
    saved_packed(path, images)
    expected = hashlib.sha256(images.tobytes()).hexdigest()
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        digests = pool.starmap(digest_of, [(path, seed) for seed in range(6)])
    assert digests == [expected] * 6
    assert len(list(tmp_path.iterdir())) == 2


def test_a_packed_file_in_a_folder_that_cannot_be_written_is_unpacked_to_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    writable = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "locked" not in str(path))
    for number in range(2):
        path = tmp_path / f"locked_{number}" / "array.npz"
        path.parent.mkdir()
        saved_packed(path, IMAGES + np.uint8(number))
        np.testing.assert_array_equal(map_member(path), IMAGES + np.uint8(number))
        assert [file.name for file in path.parent.iterdir()] == ["array.npz"]
    printed = capsys.readouterr().out
    copies = find_copies(tmp_path)
    assert len(copies) == 2
    for copy in copies:
        assert copy.is_relative_to(tmp_path / "cache")
        assert str(copy) in printed
    monkeypatch.setattr(os, "access", writable)


def test_copies_are_listed_with_size_and_the_way_to_delete_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mpi3d_real" / "mpi3d_real.npz"
    path.parent.mkdir()
    saved_packed(path, IMAGES)
    map_member(path)
    (copy,) = find_copies(tmp_path)
    (path.parent / ".mpi3d_real.npz.part").write_bytes(b"half")
    capsys.readouterr()
    assert main(["data", "list", "--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert re.search(rf"{copy.stat().st_size} bytes, .*rm {copy}", printed)
    assert re.search(r"4 bytes, .*rm .*\.mpi3d_real\.npz\.part", printed)
