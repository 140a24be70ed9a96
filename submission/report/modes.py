"""The modes of a latent: the values around which its codes gather, found without labels."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import find_peaks
from scipy.stats import gaussian_kde

from submission.scoring.arrays import FloatArray, IntArray

__all__ = ["Modes", "find_modes"]


NUM_BINS = 512
TAIL = 0.001
"""Share of the codes at either end that the density leaves out."""

SMALLEST = 0.05
"""Prominence of a mode, as a share of the highest density."""

NUM_ERRORS = 4
"""Standard errors of the density by which a mode rises above the valley beside it."""


@dataclass(frozen=True, eq=False)
class Modes:
    """Where the values of a latent gather.

    Attributes:
        centres: (M,) positions of the modes, ascending; M is at least 1.
        valleys: (M - 1,) positions of the lowest density between neighbouring modes.

    Example:
        >>> Modes(centres=np.array([0.0, 5.0]), valleys=np.array([2.5])).of([1.0, 4.0]).tolist()
        [0, 1]
    """

    centres: FloatArray
    valleys: FloatArray

    def of(self, values: npt.ArrayLike) -> IntArray:
        """Gives the mode, from 0 to M - 1, that each value belongs to."""
        return np.searchsorted(self.valleys, values)


def find_modes(values: FloatArray) -> Modes:
    """Finds the peaks of a latent's density.

    The density f is a kernel estimate. Its bandwidth h is half of Scott's, std * n^(-1/5) / 2,
    because Scott's suits a single mode. The standard error of f is sqrt(f / (2 sqrt(pi) n h)). A
    peak counts if its prominence reaches `NUM_ERRORS` of them, and `SMALLEST` of the largest f.

    Args:
        values: (n,) of one latent.

    Returns:
        The modes; a single one at the median if there is no clear peak.

    Example:
        >>> values = np.repeat([0.0, 1.0, 4.0], 300) + np.linspace(-0.1, 0.1, 900)
        >>> len(find_modes(values).centres)
        3
    """
    low, high = np.quantile(values, [TAIL, 1 - TAIL])
    kept = values[(values >= low) & (values <= high)].astype(np.float64)
    std = float(kept.std())
    if not std > 0:
        return Modes(np.array([np.median(values)]), np.array([]))
    relative = len(kept) ** -0.2 / 2
    margin = 4 * relative * std
    counts, edges = np.histogram(kept, NUM_BINS, (low - margin, high + margin))
    places = (edges[1:] + edges[:-1]) / 2
    density = gaussian_kde(places, relative, weights=counts)(places)
    peaks, found = find_peaks(density, prominence=SMALLEST * density.max())
    errors = np.sqrt(density[peaks] / (2 * math.sqrt(math.pi) * len(kept) * relative * std))
    peaks = peaks[found["prominences"] >= NUM_ERRORS * errors]
    if len(peaks) < 2:
        return Modes(np.array([np.median(values)]), np.array([]))
    valleys = [
        int(left + density[left:right].argmin()) for left, right in itertools.pairwise(peaks)
    ]
    return Modes(places[peaks], places[valleys])
