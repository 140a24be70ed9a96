"""The grid of ground-truth factors that a data set of images enumerates."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import InputError

__all__ = ["FactorSpace", "IntArray", "is_axis"]

IntArray = npt.NDArray[np.int64]


def is_axis(name: str) -> bool:
    """Tells whether a factor is one of the two axes, whose values are positions in order.

    Example:
        >>> is_axis("vertical_axis"), is_axis("object_size")
        (True, False)
    """
    return name.endswith("_axis")


@dataclass(frozen=True)
class FactorSpace:
    """A full grid of factor values, its points numbered row-major with the last factor fastest.

    Attributes:
        names: F factor names.
        sizes: F numbers of values, each at least 1.

    Raises:
        InputError: if names and sizes differ in length, a size is below 1, or a name repeats or
            cannot be printed.

    Example:
        >>> FactorSpace(("shape", "size"), (3, 4)).index_to_factors([5]).tolist()
        [[1, 1]]
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.sizes or len(self.names) != len(self.sizes):
            raise InputError(
                f"expected one size for each of the factors {self.names}, got sizes {self.sizes}"
            )
        if min(self.sizes) < 1:
            raise InputError(f"expected factor sizes of at least 1, got {self.sizes}")
        if len(set(self.names)) != len(self.names):
            raise InputError(f"expected distinct factor names, got {self.names}")
        if not all(name.strip() and name.isprintable() for name in self.names):
            raise InputError(f"expected factor names that can be printed, got {self.names}")

    @property
    def num_factors(self) -> int:
        """F, the number of factors."""
        return len(self.sizes)

    @property
    def num_points(self) -> int:
        """N, the number of grid points: the product of the sizes."""
        return math.prod(self.sizes)

    @property
    def strides(self) -> IntArray:
        """(F,) distance in index between neighbouring values of each factor."""
        return np.cumprod([1, *self.sizes[:0:-1]], dtype=np.int64)[::-1].copy()

    def without(self, names: Collection[str]) -> "FactorSpace":
        """Leaves out factors by name.

        Raises:
            InputError: if none is left.
        """
        kept = [i for i, name in enumerate(self.names) if name not in names]
        return FactorSpace(tuple(self.names[i] for i in kept), tuple(self.sizes[i] for i in kept))

    def factors_to_index(self, factors: npt.ArrayLike) -> IntArray:
        """Numbers grid points.

        Args:
            factors: (n, F) integer factor values, column j in 0..sizes[j]-1.

        Returns:
            (n,) indices in 0..N-1.

        Raises:
            InputError: if the shape is not (n, F) or a value is outside its range.
        """
        values = np.asarray(factors)
        if values.ndim != 2 or values.shape[1] != self.num_factors:
            raise InputError(
                f"expected factors of shape (n, {self.num_factors}), got {values.shape}"
            )
        if values.size and ((values < 0) | (values >= np.array(self.sizes))).any():
            raise InputError(f"expected factor values from 0 to below {self.sizes}")
        return values.astype(np.int64) @ self.strides

    def index_to_factors(self, index: npt.ArrayLike) -> IntArray:
        """Names the factor values of grid points, the inverse of `factors_to_index`.

        Args:
            index: (n,) integers in 0..N-1.

        Returns:
            (n, F) factor values.

        Raises:
            InputError: if an index is outside 0..N-1.
        """
        points = np.asarray(index, dtype=np.int64)
        if points.size and (points.min() < 0 or points.max() >= self.num_points):
            raise InputError(f"expected indices from 0 to {self.num_points - 1}")
        factors: IntArray = points[:, None] // self.strides % np.array(self.sizes)
        return factors
