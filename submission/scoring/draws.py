"""Rows of codes and factor values that the metrics are computed on.

A metric of disentanglement_lib asks a data set for images of factor values that it draws itself,
and a function for their codes. Here the "images" are the numbers of grid points, and the function
looks up rows of a table. The draws, and therefore the scores, stay the library's own.
"""

import itertools
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from submission.data.ground_truth import GridData
from submission.errors import InputError
from submission.factors import FactorSpace
from submission.scoring.arrays import FloatArray, IntArray
from submission.scoring.library import library

__all__ = [
    "Draws",
    "GridDraws",
    "Rows",
    "SampleDraws",
    "varying",
]


Rows = tuple[FloatArray, IntArray]
"""Codes (C, n) and factor values (F, n), the library's orientation."""


@dataclass(frozen=True, eq=False)
class GridDraws:
    """Draws from a full grid, with the library's functions.

    Attributes:
        space: names and numbers of values of the F factors that are scored.
        data: the grid.
        codes: (N, C) of all its points.
        seed: of each metric's random state.

    Example:
        >>> space = FactorSpace(("shape", "size"), (3, 4))
        >>> codes = space.index_to_factors(range(12)) * 1.0  # the code of a point is its factors
        >>> [(drawn, factors)] = GridDraws(space, GridData(space), codes, seed=0).rows((5,), 2)
        >>> drawn.shape, bool((drawn == factors).all())
        ((2, 5), True)
    """

    space: FactorSpace
    data: GridData
    codes: FloatArray
    seed: int

    def rows(self, nums: tuple[int, ...], batch_size: int) -> list[Rows]:
        """Draws sets of rows one after another from one random state.

        Args:
            nums: the number of rows n of each set.
            batch_size: rows per draw.
        """
        random_state = np.random.RandomState(self.seed)
        draw, represent = library().utils.generate_batch_factor_code, self.codes.__getitem__
        return [draw(self.data, represent, num, random_state, batch_size) for num in nums]


@dataclass(frozen=True, eq=False)
class SampleDraws:
    """Takes rows of any sample of codes, shuffled by the seed.

    Attributes:
        space: names and numbers of values of the F factors that are scored.
        codes: (n, C).
        factors: (n, F), values of a factor numbered from 0 by rank.
        seed: of the shuffling.

    Example:
        >>> factors = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
        >>> space = FactorSpace(("shape", "size"), (2, 2))
        >>> draws = SampleDraws(space, factors * 1.0, factors, seed=0)
        >>> [codes.shape for codes, _ in draws.rows((2, 1), batch_size=16)]
        [(2, 2), (2, 1)]
    """

    space: FactorSpace
    codes: FloatArray
    factors: IntArray
    seed: int

    def without(self, names: Collection[str]) -> "SampleDraws":
        """Leaves out factors by name."""
        kept = [name not in names for name in self.space.names]
        return SampleDraws(self.space.without(names), self.codes, self.factors[:, kept], self.seed)

    def rows(self, nums: tuple[int, ...], batch_size: int) -> list[Rows]:
        """Takes sets of rows without overlap, in proportion where there are not enough."""
        del batch_size
        order = np.random.RandomState(self.seed).permutation(len(self.codes))
        total = sum(nums)
        if total > len(order):
            nums = tuple(max(1, num * len(order) // total) for num in nums)
        ends = np.cumsum([0, *nums])
        parts = [order[start:end] for start, end in itertools.pairwise(ends)]
        return [(self.codes[part].T, self.factors[part].T) for part in parts]


Draws = GridDraws | SampleDraws


def varying(space: FactorSpace) -> tuple[FactorSpace, tuple[str, ...]]:
    """Removes the factors that have one value only; codes of the grid keep their order.

    Returns:
        the space of the other factors, and the names of those removed.

    Raises:
        InputError: if no factor has two values.

    Example:
        >>> varying(FactorSpace(("shape", "size", "colour"), (3, 1, 2)))[1]
        ('size',)
    """
    fixed = tuple(name for name, size in zip(space.names, space.sizes, strict=True) if size < 2)
    if len(fixed) == space.num_factors:
        raise InputError(f"expected a factor with at least 2 values, got sizes {space.sizes}")
    return space.without(fixed), fixed
