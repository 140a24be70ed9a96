"""Mapping gives the array that was saved, and no file, however mangled, does anything else."""

import hashlib
import io
import multiprocessing
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from submission.data.npz import has_member, is_stored, map_member, read_small_member
from submission.data.npz import verify_checksum as verify

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


WATCHED = {"exec", "pickle.find_class", "os.system", "subprocess.Popen", "os.exec", "ctypes.dlopen"}
seen: list[str] = []
watching = False


def watch(event: str, _: tuple[Any, ...]) -> None:
    if watching and event in WATCHED:
        seen.append(event)


sys.addaudithook(watch)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mangled") / "mangled.npz"


def opens_or_says_why(path: Path, content: bytes) -> None:
    """The law: an array of exactly the bytes there are, or one of the errors that are promised."""
    global watching
    path.write_bytes(content)
    watching = True
    message = ""
    try:
        mapped = map_member(path)
    except (ValueError, OSError) as error:
        message = str(error)
    else:
        assert mapped.nbytes <= max(len(content), 1 << 16)
        int(mapped.view(np.uint8).sum())
    finally:
        watching = False
    assert "\n" not in message
    assert len(message) < 1000
    assert not seen


def plain_file(packed: bool) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(stream, images=IMAGES[:2])
    return stream.getvalue()


FILES = (plain_file(False), plain_file(True))
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["put", "cut", "insert", "long"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=5000, deadline=None, database=None, derandomize=True)
@given(st.sampled_from(FILES), EDITS)
def test_no_mangled_file_does_anything_but_fail(
    place: Path, content: bytes, edits: list[tuple[str, float, bytes]]
) -> None:
    for kind, where, raw in edits:
        at = int(where * len(content))
        if kind == "cut":
            content = content[:at] + content[at + len(raw) * 8 :]
        elif kind == "insert":
            content = content[:at] + raw + content[at:]
        elif kind == "long":
            content = content[:at] + b"\xff" * len(raw) + content[at + len(raw) :]
        else:
            content = content[:at] + raw + content[at + len(raw) :]
    opens_or_says_why(place, content)


SIGNS = "{ } ( ) [ ] , : - + * ** . 1 2 4 64 1e9 0x7f True False None lambda 1j 4L b'' # \\ ' \""
KEYS = "'descr' 'fortran_order' 'shape' '|u1' '|O' '<f4' '>f8' '<U9' '<M8[s]' '|V3'"
WORDS = st.sampled_from(
    [
        *SIGNS.split(),
        *KEYS.split(),
        *("\n", "\0", "9" * 40, "__import__('os').system('false')", "\N{SNOWMAN}"),
    ]
)
DTYPES = st.sampled_from(
    [
        "'|u1'",
        "'<f4'",
        "'>f8'",
        "'|O'",
        "[('a','|u1')]",
        "('|u1',(2,))",
        "'<U4'",
        "'|V0'",
        "'|S0'",
        "7",
    ]
)
SIZES = st.lists(
    st.one_of(st.integers(-3, 9), st.sampled_from([2**31, 2**63, -(2**63), 10**40])), max_size=6
)
HEADERS = st.one_of(
    st.lists(WORDS, max_size=40).map(" ".join),
    st.text(max_size=60),
    st.builds(
        lambda dtype, order, sizes: (
            f"{{'descr': {dtype}, 'fortran_order': {order}, "
            f"'shape': ({''.join(f'{size},' for size in sizes)}), }}"
        ),
        DTYPES,
        st.sampled_from(["False", "True", "0", "None"]),
        SIZES,
    ),
    st.tuples(st.sampled_from("([{-~"), st.integers(1, 70_000)).map(lambda pair: pair[0] * pair[1]),
)


@settings(max_examples=5000, deadline=None, database=None, derandomize=True)
@given(
    HEADERS,
    st.sampled_from([(1, 0), (2, 0), (3, 0), (9, 9)]),
    st.one_of(st.none(), st.integers(0, 2**32 - 1)),
    st.binary(max_size=24),
    st.booleans(),
)
def test_no_header_does_anything_but_fail(
    place: Path,
    text: str,
    version: tuple[int, int],
    claimed: int | None,
    data: bytes,
    packed: bool,
) -> None:
    body = text.encode("utf-8", "surrogatepass") + b"\n"
    length = len(body) if claimed is None else claimed
    field = struct.pack("<H", length % 65536) if version == (1, 0) else struct.pack("<I", length)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if packed else 0) as archive:
        archive.writestr("images.npy", b"\x93NUMPY" + bytes(version) + field + body + data)
    opens_or_says_why(place, stream.getvalue())
