"""A table of codes in place of images: what the library's metrics draw from.

A metric of the library asks a data set for images of factor values that it draws itself, and a
representation function for their codes. Here the "images" are the grid points' numbers and the
representation looks rows up, so that the draws, and therefore the score, stay the library's own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data.ground_truth import GridData
from submission.errors import InputError
from submission.factors import FactorSpace
from submission.scoring.library import library

__all__ = ["GridData", "Represent", "draw_rows", "lookup", "varying"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.floating[Any]]
Represent = Callable[[IntArray], FloatArray]


def lookup(codes: FloatArray) -> Represent:
    """Makes the representation function that gives a grid point its row of (N, C) codes."""

    def represent(points: IntArray) -> FloatArray:
        return codes[points]  # (n, C)

    return represent


def draw_rows(
    data: GridData,
    represent: Represent,
    nums: tuple[int, ...],
    batch_size: int,
    seed: int,
) -> list[tuple[FloatArray, IntArray]]:
    """Draws rows with the library's function, one set after another from one random state.

    Args:
        data: what to draw from.
        represent: codes of grid points.
        nums: the number of rows n of each set.
        batch_size: rows per draw.
        seed: of the random state.

    Returns:
        for each set, codes (C, n) and factor values (F, n), in the library's orientation.
    """
    random_state = np.random.RandomState(seed)
    draw = library().utils.generate_batch_factor_code
    return [draw(data, represent, num, random_state, batch_size) for num in nums]


def varying(space: FactorSpace) -> tuple[FactorSpace, tuple[str, ...]]:
    """Leaves out the factors that have one value only.

    They number no grid point differently, so codes of the grid keep their order.

    Returns:
        the space of the other factors, and the names of those left out.

    Raises:
        ValueError: if no factor has two values.
    """
    fixed = tuple(name for name, size in zip(space.names, space.sizes, strict=True) if size < 2)
    if len(fixed) == space.num_factors:
        raise InputError(f"expected a factor with at least 2 values, got sizes {space.sizes}")
    return space.without(fixed), fixed
