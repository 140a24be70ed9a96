"""disentanglement_lib's own loaders, made to read from any folder under a current Pillow."""

import struct
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from PIL import Image

from submission.data.archive import ZIP_ERRORS
from submission.data.npy import SYNTAX_ERRORS
from submission.data.npz import map_member
from submission.errors import InputError, one_line
from submission.factors import FactorSpace

__all__ = ["library_modules", "load_with_library"]

Reader = Callable[[str], Any]

SPRITES = {
    "dsprites_full": "DSprites",
    "dsprites_noshape": "DSprites",
    "color_dsprites": "ColorDSprites",
    "noisy_dsprites": "NoisyDSprites",
    "scream_dsprites": "ScreamDSprites",
}
SCREAM_SIZE = (350, 274)

CAR_SHAPE = (96, 64, 64, 3)
"""24 azimuths times 4 elevations of one car, as the library returns them."""

NORB_SHAPES = {"dat": (2, 96, 96), "cat": (), "info": (4,)}
"""Shape of one toy's entry in each kind of smallNORB file."""

READER_ERRORS = (*ZIP_ERRORS, *SYNTAX_ERRORS, ArithmeticError, OSError, struct.error)
"""What scipy, NumPy and Pillow raise on files that are not what their names say."""


def load_with_library(
    name: str, folder: Path, sources: tuple[Path, ...], space: FactorSpace
) -> Any:
    """Loads one of the library's data sets with every factor, hidden ones too, set by the caller.

    The sets made of sprites are read without the library's own reader, which would unpickle
    an object of the file; its classes then draw the pictures.

    Returns:
        The library's `GroundTruthData`, whose `sample_observations_from_factors` takes values of
        all factors in the space.

    Raises:
        InputError: if a file does not hold what its name says.
    """
    with library_modules(folder) as modules:
        if name in SPRITES:
            data = _sprites(getattr(modules.dsprites, SPRITES[name]), sources, space)
        elif name == "cars3d":
            data = modules.cars3d.Cars3D()
        elif name == "smallnorb":
            # The library itself refuses labels that do not name every toy once.
            with _reading(sources[0].parent, "smallNORB's files with every toy once"):
                data = modules.norb.SmallNORB()
        elif name == "dummy_data":
            return modules.dummy_data.DummyData()
        else:
            raise InputError(f"expected a set that disentanglement_lib loads, got {name!r}")
        data.state_space = modules.util.SplitDiscreteStateSpace(
            list(data.factor_sizes), list(range(len(data.factor_sizes)))
        )
    return data


def _sprites(kind: Any, sources: tuple[Path, ...], space: FactorSpace) -> Any:
    """Fills one of the library's sprite classes with images that are mapped, not unpickled."""
    sprites = map_member(sources[0], "imgs")
    if sprites.shape != (space.num_points, 64, 64) or sprites.dtype != np.uint8:
        raise InputError(
            f"expected uint8 imgs of shape {(space.num_points, 64, 64)} in {sources[0]}, "
            f"got {sprites.dtype} {sprites.shape}"
        )
    data = kind.__new__(kind)
    data.images = sprites
    data.factor_sizes = np.array(space.sizes)
    data.factor_bases = space.strides
    if len(sources) > 1:
        data.scream = _painting(sources[1])
    return data


def _painting(path: Path) -> npt.NDArray[np.float64]:
    """Reads the background of scream_dsprites at the size that the library uses."""
    with _reading(path, "a picture"), Image.open(path) as painting:
        painting.thumbnail(SCREAM_SIZE)
        pixels = np.asarray(painting.convert("RGB"))
    if min(pixels.shape[:2]) <= 64:
        raise InputError(f"expected a picture of more than 64x64 in {path}, got {pixels.shape[:2]}")
    return pixels / 255.0


@contextmanager
def _reading(path: Path, content: str) -> Iterator[None]:
    """Turns what a reader raises on a file into one line that names the file."""
    from scipy.io.matlab import MatReadError

    try:
        yield
    except InputError:
        raise
    except (*READER_ERRORS, MatReadError) as error:
        raise InputError(
            f"expected {content} in {path}, got: {type(error).__name__}: {one_line(error)}; "
            "fetch it again in its original form"
        ) from error


def _checked(
    read: Reader, folder: Path, content: str, shape: Callable[[str, int], tuple[int, ...]]
) -> Reader:
    """Makes a reader of the library name its file when it fails or reads another shape.

    Args:
        read: the library's reader of a file in the folder.
        folder: of the files.
        content: what a file should be.
        shape: the shape that a file of a name and with a number of entries should have.
    """

    def load(filename: str) -> Any:
        path = folder / filename
        with _reading(path, content):
            array = read(filename)
        expected = shape(filename, len(array))
        if array.shape != expected:
            raise InputError(f"expected shape {expected} in {path}, got {array.shape}")
        return array

    return load


def _norb_shape(filename: str, num_toys: int) -> tuple[int, ...]:
    return num_toys, *NORB_SHAPES[filename.removesuffix(".mat").rsplit("-", 1)[-1]]


@contextmanager
def library_modules(folder: Path) -> Iterator[types.SimpleNamespace]:
    """Imports the loaders and, while in use, gives them the folder and what Pillow took away.

    The library fixes its folder when it is imported, asks Pillow for a filter by a name that is
    gone and for sizes of three numbers, and numbers the cars in the order that the folder happens
    to list them.

    Yields:
        The library's modules `cars3d`, `dsprites`, `dummy_data`, `norb` and `util`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from disentanglement_lib.data.ground_truth import cars3d, dsprites, dummy_data, norb, util

        shrink, cars_files, cars = Image.Image.thumbnail, cars3d.gfile, folder / "cars"

        def thumbnail(self: Image.Image, size: tuple[int, ...], *args: Any) -> None:
            shrink(self, (size[0], size[1]), *args)

        def listed(path: str) -> list[str]:
            return sorted(cars_files.ListDirectory(path))

        load_mesh = _checked(
            cars3d._load_mesh, cars, "a MATLAB 5 file with the key 'im'", lambda *_: CAR_SHAPE
        )
        read_matrix = _checked(
            norb._read_binary_matrix, Path(), "a matrix in NORB's binary format", _norb_shape
        )
        with (
            patch.multiple(
                cars3d,
                CARS3D_PATH=str(cars),
                gfile=types.SimpleNamespace(ListDirectory=listed, Open=cars_files.Open),
                _load_mesh=load_mesh,
            ),
            patch.multiple(
                norb,
                SMALLNORB_TEMPLATE=str(folder / "small_norb" / "smallnorb-{}-{}.mat"),
                _read_binary_matrix=read_matrix,
            ),
            patch.object(Image, "ANTIALIAS", Image.Resampling.LANCZOS, create=True),
            patch.object(Image.Image, "thumbnail", thumbnail),
        ):
            yield types.SimpleNamespace(
                cars3d=cars3d, dsprites=dsprites, dummy_data=dummy_data, norb=norb, util=util
            )
