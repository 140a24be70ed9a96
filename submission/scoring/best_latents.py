"""Which latent tells most of each factor, if any tells anything."""

import numpy as np

from submission.scoring.arrays import FloatArray, IntArray

__all__ = ["best_latents"]

NOTHING = 1e-9
"""Differences between entries up to this are rounding."""


def best_latents(values: FloatArray) -> IntArray:
    """Finds the latent with the largest entry for each factor.

    Args:
        values: (C, F) entries of a metric's matrix, higher for a latent that tells more.

    Returns:
        (F,) latents; -1 where no latent tells anything: no entry is above 0, or all are equal.

    Example:
        >>> best_latents(np.array([[0.1, 0.0, 0.5], [0.9, 0.0, 0.5]])).tolist()
        [1, -1, -1]
    """
    largest = values.max(axis=0)
    tells = largest > NOTHING
    if len(values) > 1:
        tells &= largest - values.min(axis=0) > NOTHING
    return np.where(tells, values.argmax(axis=0), -1)
