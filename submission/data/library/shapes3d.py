"""3dshapes.h5, the form in which the authors of 3D Shapes publish it today."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.console import progress_bar
from submission.data.image_set import IMAGE_SHAPE
from submission.errors import InputError, one_line
from submission.factors import FactorSpace

__all__ = ["read_shapes3d"]

PIECE = 1024


def read_shapes3d(path: Path, space: FactorSpace) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Reads the images a piece at a time, after checking that their labels follow the grid.

    Args:
        path: an HDF5 file with `images` (N, 64, 64, 3) uint8 and `labels` (N, 6).
        space: the factor grid, of N points.

    Yields:
        the number of the first image of a piece, and the (n, 64, 64, 3) piece.

    Raises:
        InputError: if the file cannot be read, holds something else, or lists its images in
            another order.
    """
    try:
        import h5py
    except ImportError as error:
        raise InputError(f"expected the package h5py to read {path}; pip install h5py") from error
    try:
        with h5py.File(path, "r") as file:
            images, labels = file["images"], file["labels"]
            expected = (space.num_points, *IMAGE_SHAPE)
            if images.shape != expected or images.dtype != np.uint8:
                raise InputError(
                    f"expected uint8 images of shape {expected} in {path}, "
                    f"got {images.dtype} {images.shape}"
                )
            _check_labels(path, np.asarray(labels), space)
            with progress_bar(space.num_points, f"converting {path.name}", " images") as bar:
                for start in range(0, space.num_points, PIECE):
                    piece: npt.NDArray[np.uint8] = images[start : start + PIECE]
                    yield start, piece
                    bar.update(len(piece))
    except (OSError, KeyError, AttributeError, RuntimeError, TypeError) as error:
        raise InputError(
            f"expected {path} to be 3dshapes.h5 with images and labels, got: {one_line(error)}; "
            "fetch it again"
        ) from error


def _check_labels(path: Path, labels: npt.NDArray[Any], space: FactorSpace) -> None:
    """Refuses labels that do not count through the grid with the last factor fastest."""
    if labels.shape != (space.num_points, space.num_factors):
        raise InputError(
            f"expected labels of shape {(space.num_points, space.num_factors)} in {path}, "
            f"got {labels.shape}"
        )
    ranks = [np.unique(column, return_inverse=True)[1] for column in labels.T]
    if not np.array_equal(
        np.stack(ranks, axis=1), space.index_to_factors(np.arange(space.num_points))
    ):
        raise InputError(
            f"expected the labels of {path} to count through {' x '.join(map(str, space.sizes))} "
            "values with the last factor fastest, got another order; fetch it again"
        )
