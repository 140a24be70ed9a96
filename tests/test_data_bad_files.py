"""Every kind of bad file ends in one line that names the file or its part."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from submission.data.images import open_images
from submission.data.npz import map_member, read_small_member
from tests.bad_files import GOOD, IMAGES, SIZES, archive, npy, one_line


def header(text: str, data: bytes = bytes(64), version: int = 1) -> bytes:
    body = text.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(body))
    return b"\x93NUMPY" + bytes([version, 0]) + length + body + data


def described(shape: str, descr: str = "'|u1'", fortran: bool = False) -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def patched(offset: int, raw: bytes, content: bytes = GOOD) -> bytes:
    return content[:offset] + raw + content[offset + len(raw) :]


def central(offset: int, raw: bytes) -> bytes:
    return patched(GOOD.index(b"PK\x01\x02") + offset, raw)


CONTENTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not a whole"),
    "truncated in the local header": (GOOD[:20], "not a whole"),
    "truncated in the npy header": (GOOD[:100], "not a whole"),
    "truncated in the images": (GOOD[: len(GOOD) // 2], "not a whole"),
    "truncated in the list of members": (GOOD[:-60], "not a whole"),
    "truncated in the last byte": (GOOD[:-1], "not a whole"),
    "not a zip file": (b"<html>404 not found</html>" * 99, "not a whole"),
    "bytes missing before the images": (GOOD[:200] + GOOD[900:], "outside"),
    "missing member": (archive(("pictures.npy", npy(IMAGES))), "expected one member"),
    "two members": (
        archive(("images.npy", npy(IMAGES)), ("images.npy", npy(IMAGES))),
        "expected one member 'images.npy'",
    ),
    "no local signature": (patched(0, b"XXXX"), "'images.npy' of"),
    "two names": (patched(30, b"imagex.npy"), "imagex.npy"),
    "a shifted beginning": (patched(28, struct.pack("<H", 7)), "npy header"),
    "encrypted": (central(8, struct.pack("<H", 1)), "encrypted"),
    "unknown method": (central(10, struct.pack("<H", 97)), "compression method"),
    "sizes disagree": (central(20, struct.pack("<I", 77)), "said to have"),
    "offset outside": (central(42, struct.pack("<I", 1 << 30)), "outside"),
    "wrong type": (archive(("images.npy", npy(IMAGES.astype(np.int32)))), "expected uint8"),
    "complex": (archive(("images.npy", npy(IMAGES.astype(np.complex64)))), "expected uint8"),
    "structured": (
        archive(("images.npy", header(described("(8,)", "[('a', '<i8')]")))),
        "plain numbers",
    ),
    "wrong order": (
        archive(("images.npy", npy(np.asfortranarray(IMAGES)))),
        "Fortran order",
    ),
    "zip bomb header": (
        archive(("images.npy", header(described("(1000000000000, 64, 64, 3)")))),
        "bytes were expected",
    ),
    "overflowing sizes": (
        archive(("images.npy", header(described(f"({2**62}, {2**62}, {2**62}, 3)")))),
        "bytes were expected",
    ),
    "negative sizes": (
        archive(("images.npy", header(described("(-1, -64, 64, 3)")))),
        "at least 0",
    ),
    "no images": (archive(("images.npy", npy(IMAGES[:0]))), "none"),
    "header that is code": (
        archive(("images.npy", header("__import__('os').abort()"))),
        "npy header",
    ),
    "deeply nested header": (archive(("images.npy", header("(" * 900))), "npy header"),
    "endless header": (archive(("images.npy", header(" " * 60000))), "npy header"),
    "unknown npy version": (
        archive(("images.npy", header(described("(64,)"), version=3))),
        "version",
    ),
    "no npy magic": (archive(("images.npy", b"GIF89a" * 40)), "npy header"),
    "empty member": (archive(("images.npy", b"")), "npy header"),
    "packed and damaged": (
        (lambda packed: patched(2000, bytes(500), packed))(
            archive(("images.npy", npy(IMAGES)), packed=True)
        ),
        "damaged",
    ),
    "packed zip bomb": (
        archive(("images.npy", header(described("(9, 9)"), bytes(1 << 20))), packed=True),
        "bytes were expected",
    ),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_bad_file_is_one_clear_line(kind: str, tmp_path: Path) -> None:
    content, expected = CONTENTS[kind]
    path = tmp_path / "standin_toy" / "standin_toy.npz"
    path.parent.mkdir()
    path.write_bytes(content)
    assert expected in one_line(path, lambda: open_images("standin_toy", tmp_path))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


OTHER_SIZE, OTHER_METHOD = patched(22, struct.pack("<I", 77)), patched(8, struct.pack("<H", 8))


@pytest.mark.parametrize(
    "content", [GOOD, OTHER_SIZE, OTHER_METHOD], ids=["good", "size", "method"]
)
def test_the_good_file_opens_and_its_list_of_members_decides(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "standin_toy" / "standin_toy.npz"
    path.parent.mkdir()
    path.write_bytes(content)
    image_set = open_images("standin_toy", tmp_path)
    assert image_set.space.sizes == SIZES
    np.testing.assert_array_equal(image_set.images, IMAGES)


class Unpickled:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.remove, ("canary",)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_pickle_is_refused_and_not_run(
    save: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("canary").touch()
    path = tmp_path / "pickled.npz"
    save(path, images=np.array([Unpickled()], dtype=object))
    assert "plain numbers" in one_line(path, lambda: map_member(path))
    assert "plain numbers" in one_line(path, lambda: read_small_member(path, "images"))
    assert Path("canary").exists()


@pytest.mark.parametrize(
    "images",
    [IMAGES[..., 0], IMAGES[:, :32], IMAGES[..., :1], IMAGES / np.float32(255)],
    ids=["rank", "height", "channels", "float"],
)
def test_images_of_another_shape_or_type_are_refused(
    images: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", tmp_path: Path
) -> None:
    path = tmp_path / "standin_toy" / "standin_toy.npz"
    path.parent.mkdir()
    np.savez(path, images=images, factor_sizes=np.array(SIZES))
    text = one_line(path, lambda: open_images("standin_toy", tmp_path))
    assert "expected images of shape (N, 64, 64, 3) and type uint8" in text


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (np.array([1, 1, 2, 1, 1, 2, 4]), "1 x 1 x 2 x 1 x 1 x 2 x 4 = 16"),
        (np.array([12]), "seven positive"),
        (np.array([1, 1, -2, 1, 1, -2, 3]), "seven positive"),
        (np.array([1, 1, 2, 1, 1, 2, 3.0]), "seven positive"),
    ],
)
def test_factor_sizes_that_do_not_fit_are_refused(
    sizes: "np.ndarray[tuple[int], np.dtype[np.int64]]", expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "standin_toy" / "standin_toy.npz"
    path.parent.mkdir()
    np.savez(path, images=IMAGES, factor_sizes=sizes)
    assert expected in one_line(path, lambda: open_images("standin_toy", tmp_path))


def test_a_small_member_has_to_be_small(tmp_path: Path) -> None:
    path = tmp_path / "large.npz"
    np.savez_compressed(path, factor_sizes=np.zeros(1 << 18, np.int64))
    assert "at most" in one_line(path, lambda: read_small_member(path, "factor_sizes"))
