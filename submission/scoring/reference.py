"""Perfect codes: even these do not reach 1 in every metric."""

import numpy as np

from submission.factors import FactorSpace
from submission.scoring.arrays import FloatArray, Singles

__all__ = ["CODE_RANGE", "perfect_codes"]

CODE_RANGE = 3.4
"""Range of a perfect latent: evenly spaced values then have a variance of about 1, as the prior."""


def perfect_codes(space: FactorSpace, noise: float = 0.0, seed: int = 0) -> Singles:
    """Gives every factor a latent of its own, its values evenly spaced over `CODE_RANGE`.

    Args:
        space: the grid.
        noise: standard deviation of normal noise on each latent, in the unit of the codes.
        seed: of the noise.

    Returns:
        (N, F) codes of the grid's points, centred; a factor with one value gives a constant.

    Example:
        >>> print(perfect_codes(FactorSpace(("shape",), (3,))).T)
        [[-1.7  0.   1.7]]
    """
    factors = space.index_to_factors(np.arange(space.num_points))  # (N, F)
    steps = np.maximum(np.array(space.sizes) - 1, 1)
    centred = factors / steps - (np.array(space.sizes) > 1) / 2
    codes: FloatArray = CODE_RANGE * centred
    if noise:
        codes += noise * np.random.RandomState(seed).standard_normal(codes.shape)
    return np.asarray(codes, dtype=np.float32)
