"""An image set on disk: the images, mapped in place, and the factor grid that numbers them."""

import math
from functools import cache
from pathlib import Path

from submission.console import say
from submission.data.catalogue import (
    FACTOR_NAMES,
    FULL_GRID,
    MPI3D_NAMES,
    RENDERER_VERSION,
    STANDIN_NAMES,
    command_for,
    variant_of,
)
from submission.data.image_set import FileState, ImageSet, file_of, map_images
from submission.data.library.sets import LIBRARY_SETS, open_library_set
from submission.data.npz import has_member, read_small_member
from submission.errors import InputError, MissingFileError
from submission.factors import FactorSpace

__all__ = ["DATASET_NAMES", "open_images"]


DATASET_NAMES = (*MPI3D_NAMES, *STANDIN_NAMES, *LIBRARY_SETS)


def open_images(name: str, folder: Path) -> ImageSet:
    """Opens an image set by name.

    Args:
        name: of MPI3D, the stand-in or any other data set that disentanglement_lib knows.
        folder: the data folder. The file is `folder/name/name.npz`; sets that are neither MPI3D
            nor stand-in are converted to it once, from where disentanglement_lib reads them.

    Raises:
        MissingFileError: if the file is not there; the message has the command that gets it.
        PermissionError: if it may not be read.
        InputError: if the name is unknown or the file is not what its name says.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = file_of("standin_toy", Path(folder))
        ...     file.parent.mkdir()
        ...     images, sizes = np.zeros((4, 64, 64, 3), np.uint8), (1, 1, 1, 1, 1, 2, 2)
        ...     np.savez(file, images=images, factor_sizes=sizes, renderer_version=RENDERER_VERSION)
        ...     open_images("standin_toy", Path(folder)).space.sizes
        (1, 1, 1, 1, 1, 2, 2)
    """
    if name not in DATASET_NAMES:
        raise InputError(f"expected one of {', '.join(DATASET_NAMES)}, got {name!r}")
    if name in LIBRARY_SETS:
        return open_library_set(LIBRARY_SETS[name], folder)
    path = file_of(name, folder)
    if not path.exists():
        raise MissingFileError(f"expected {path}; get it with: {command_for(name)}")
    opened = FileState.of(path)
    images = map_images(path)
    return ImageSet(name, path, images, _space(name, path, len(images)), opened=opened)


def _space(name: str, path: Path, num_images: int) -> FactorSpace:
    """Finds the factor grid: what the file says of itself, else what its name and length say."""
    if name in STANDIN_NAMES or has_member(path, "factor_sizes"):
        sizes = read_small_member(path, "factor_sizes")
        if sizes.shape != (len(FACTOR_NAMES),) or sizes.dtype.kind not in "iu" or sizes.min() < 1:
            raise InputError(f"expected seven positive factor_sizes in {path}, got {sizes!s:.80}")
        grid = tuple(int(size) for size in sizes)
        if math.prod(grid) != num_images:
            product = f"{' x '.join(map(str, grid))} = {math.prod(grid):,}"
            raise InputError(f"factor_sizes of {path} give {product}, it has {num_images:,} images")
        if name in STANDIN_NAMES:
            _say_version(name, path)
        else:
            _say_once(f"{path} is a rendered stand-in under the name {name}, not MPI3D")
        return FactorSpace(FACTOR_NAMES, grid)
    variant = variant_of(name, num_images)
    if name in ("mpi3d_toy", "mpi3d_realistic") and variant.sizes == FULL_GRID:
        _say_once(
            f"{name} has 6 colours and 6 shapes here ({num_images:,} images); disentanglement_lib "
            "assumes 4 and 4, which labels every image wrongly. The right sizes are used."
        )
    return variant.space


def _say_version(name: str, path: Path) -> None:
    """Says so if another version of the renderer made a stand-in."""
    known = has_member(path, "renderer_version")
    version = read_small_member(path, "renderer_version").tolist() if known else 1
    if version != RENDERER_VERSION:
        _say_once(
            f"expected version {RENDERER_VERSION} of the renderer in {path}, got {version}; the "
            "weights that ship do not know its look, and scores of the two cannot be compared; "
            f"render it again with: python -m submission data render {name} --force"
        )


@cache
def _say_once(text: str) -> None:
    """Prints a line, the first time that it comes up."""
    say(text)
