"""What a factor's latent alone says of the factor's value."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Confusion", "read_by_nearest_mean"]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Confusion:
    """How a factor is read from one latent.

    Attributes:
        factor: its name.
        latent: the latent that it is read from.
        counts: (size, size) numbers of images, row: true value, column: value read.
    """

    factor: str
    latent: int
    counts: IntArray

    @property
    def accuracy(self) -> float:
        """Share of the images whose value is read right."""
        return float(np.trace(self.counts) / self.counts.sum())


def read_by_nearest_mean(values: FloatArray, truth: IntArray) -> IntArray:
    """Reads a factor from one latent: the value whose mean is nearest.

    Means are taken of a random half of the images, and the other half is read.

    Args:
        values: (n,) of the latent.
        truth: (n,) values of the factor.

    Returns:
        (size, size) counts, row: true value, column: value read. A value without an image in the
        first half is never read.

    Example:
        >>> truth = np.arange(300) % 3
        >>> counts = read_by_nearest_mean(np.array([0.0, 5.0, 1.0])[truth], truth)
        >>> int(np.trace(counts)), int(counts.sum())
        (150, 150)
    """
    order = np.random.default_rng(0).permutation(len(values))
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    size = int(truth.max()) + 1
    counts = np.bincount(truth[first], minlength=size)
    sums = np.bincount(truth[first], weights=values[first], minlength=size)
    known = np.flatnonzero(counts)
    known = known[np.argsort(sums[known] / counts[known], kind="stable")]
    means = sums[known] / counts[known]
    read = known[np.searchsorted((means[1:] + means[:-1]) / 2, values[second])]
    pairs = np.bincount(truth[second] * size + read, minlength=size * size)
    return pairs.reshape(size, size)
