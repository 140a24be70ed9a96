"""The npz file written in any order, and the digest that renews compiled code."""

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.image_file import ImageArchive


def write(path: Path, images: npt.NDArray[np.uint8], order: list[int]) -> None:
    with path.open("wb+") as file:
        archive = ImageArchive(file, images.shape)
        for first in order:
            archive.write(first, images[first : first + 2])
        archive.close(extra=np.arange(3))


def test_images_are_where_they_belong_whatever_the_order(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(256, size=(6, 4, 5, 3), dtype=np.uint8)
    write(tmp_path / "a.npz", images, [0, 2, 4])
    write(tmp_path / "b.npz", images, [4, 0, 2])
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as content:
        np.testing.assert_array_equal(content["images"], images)
        np.testing.assert_array_equal(content["extra"], np.arange(3))


def test_checksum_guards_the_images(tmp_path: Path) -> None:
    images = np.full((6, 4, 5, 3), 7, dtype=np.uint8)
    write(tmp_path / "a.npz", images, [0, 2, 4])
    whole = (tmp_path / "a.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert archive.testzip() is None
    (tmp_path / "b.npz").write_bytes(whole.replace(b"\x07" * 9, b"\x08" * 9, 1))
    with zipfile.ZipFile(tmp_path / "b.npz") as archive:
        assert archive.testzip() == "images.npy"


def test_entries_allow_more_than_four_gigabytes(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", np.zeros((6, 4, 5, 3), dtype=np.uint8), [0])
    head = (tmp_path / "a.npz").read_bytes()[:60]
    name_end = 30 + len("images.npy")
    assert head[30:name_end] == b"images.npy"
    assert head[name_end : name_end + 4] == b"\x01\x00\x10\x00"  # zip64 sizes, two of 8 bytes
