"""The sets in MATLAB's and NORB's files are read as the library reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import scipy.io
from PIL import Image

from submission.data.images import open_images
from submission.data.library.loaders import library_modules
from submission.data.library.sets import to_levels
from submission.errors import InputError
from tests.library_sets import KNOWN, html


def test_cars_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Two cars: all 183 take 1.7 GB of the library's floating point."""
    (tmp_path / "cars").mkdir()
    azimuth, elevation = np.meshgrid(np.arange(24), np.arange(4), indexing="ij")
    for car in (9, 3):
        color = np.stack([10 * azimuth, 60 * elevation, np.full((24, 4), car)]).astype(np.uint8)
        pixels = np.broadcast_to(color, (80, 80, 3, 24, 4))
        scipy.io.savemat(tmp_path / "cars" / f"car_{car}.mat", {"im": pixels}, do_compression=True)
    with pytest.raises(ValueError, match=r"expected 183 \.mat files in .*, got 2"):
        open_images("cars3d", tmp_path)

    with library_modules(tmp_path) as modules:
        names = modules.cars3d.gfile.ListDirectory(modules.cars3d.CARS3D_PATH)
        mesh = modules.cars3d._load_mesh(names[1])
    assert names == ["car_3.mat", "car_9.mat"]
    assert mesh.shape == (96, 64, 64, 3)
    expected = np.stack([10 * azimuth.ravel(), 60 * elevation.ravel(), np.full(96, 9)], axis=1)
    np.testing.assert_array_equal(to_levels(mesh)[:, 5, 40], expected)
    assert not hasattr(Image, "ANTIALIAS")


def binary_matrix(path: Path, array: npt.NDArray[Any]) -> None:
    """Writes NORB's format: a mark of the type, the rank, at least three sizes, the elements."""
    mark = {"uint8": 507333717, "int32": 507333716}[array.dtype.name]
    sizes = [*array.shape, 1, 1, 1][: max(3, array.ndim)]
    path.write_bytes(np.array([mark, array.ndim, *sizes], np.int32).tobytes() + array.tobytes())


def test_toys_of_norb_keep_their_levels(tmp_path: Path) -> None:
    """Some toys of each file: all 48,600 take 3.2 GB of the library's floating point."""
    (tmp_path / "small_norb").mkdir()
    codes = np.arange(0, 256, 5, dtype=np.uint8)
    for name in KNOWN["smallnorb"].sources:
        contents = {
            "cat": codes.astype(np.int32) % 5,
            "info": np.stack([codes % 10, codes % 9, 2 * (codes % 18), codes % 6], axis=1),
            "dat": np.repeat(codes, 2 * 96 * 96).reshape(-1, 2, 96, 96),
        }
        kind = name.removesuffix(".mat").rsplit("-", 1)[1]
        binary_matrix(
            tmp_path / name, contents[kind] if kind == "dat" else contents[kind].astype(np.int32)
        )

    with library_modules(tmp_path) as modules:
        norb = modules.norb
        images, features = norb._load_small_norb_chunks(
            norb.SMALLNORB_TEMPLATE, norb.SMALLNORB_CHUNKS
        )
    levels = to_levels(images)
    assert levels.shape == (2 * len(codes), 64, 64)
    np.testing.assert_array_equal(
        levels, np.broadcast_to(np.tile(codes, 2)[:, None, None], levels.shape)
    )
    expected = np.stack([codes % size for size in (5, 10, 9, 18, 6)], axis=1)
    np.testing.assert_array_equal(features, np.tile(expected, (2, 1)))


def empty(path: Path) -> None:
    path.touch()


def other_key(path: Path) -> None:
    scipy.io.savemat(path, {"images": np.zeros((8, 8, 3, 24, 4), np.uint8)})


def other_shape(path: Path) -> None:
    scipy.io.savemat(path, {"im": np.zeros((8, 8, 3, 24, 2), np.uint8)})


def matlab_73(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        file["im"] = np.zeros((4, 24, 3, 8, 8), np.uint8)
    content = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    with path.open("rb+") as file:
        file.write(content)


@pytest.mark.parametrize("write", [html, empty, other_key, other_shape, matlab_73])
def test_a_car_that_cannot_be_read_is_named(write: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "cars").mkdir()
    for car in range(183):
        write(tmp_path / "cars" / f"car_{car:03}.mat")
    with pytest.raises(InputError, match=r"^expected .* in .*/cars/car_000\.mat, got[^\n]*$"):
        open_images("cars3d", tmp_path)


@pytest.mark.parametrize("write", [html, empty, matlab_73])
def test_a_file_of_norb_that_cannot_be_read_is_named(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    (tmp_path / "small_norb").mkdir()
    for name in KNOWN["smallnorb"].sources:
        write(tmp_path / name)
    with pytest.raises(InputError, match=rf"{KNOWN['smallnorb'].sources[0]}, got[^\n]*$"):
        open_images("smallnorb", tmp_path)


def test_norb_without_every_toy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "small_norb").mkdir()
    contents: dict[str, npt.NDArray[Any]] = {"dat": np.zeros((5, 2, 96, 96), np.uint8)}
    contents["cat"] = np.zeros(5, np.int32)
    contents["info"] = np.zeros((5, 4), np.int32)
    for name in KNOWN["smallnorb"].sources:
        binary_matrix(tmp_path / name, contents[name.removesuffix(".mat").rsplit("-", 1)[1]])
    with pytest.raises(InputError, match=r"every toy once in .*small_norb"):
        open_images("smallnorb", tmp_path)
