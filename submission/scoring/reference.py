"""Perfect codes and their scores: even these do not reach 1 in every metric."""

from typing import Any

import numpy as np
import numpy.typing as npt

from submission.factors import FactorSpace
from submission.scoring.results import Scores
from submission.scoring.score_codes import score_table
from submission.scoring.settings import ALL_METRICS, Settings

__all__ = ["CODE_RANGE", "perfect_codes", "score_perfect_codes"]

FloatArray = npt.NDArray[np.floating[Any]]

CODE_RANGE = 3.4
"""Range of a perfect latent: evenly spaced values then have a variance of about 1, as the prior."""


def perfect_codes(space: FactorSpace, noise: float = 0.0, seed: int = 0) -> npt.NDArray[np.float32]:
    """Gives every factor a latent of its own, its values evenly spaced over `CODE_RANGE`.

    Args:
        space: the grid.
        noise: standard deviation of normal noise on each latent, in the unit of the codes.
        seed: of the noise.

    Returns:
        (N, F) codes of the grid's points, centred; a factor with one value gives a constant.
    """
    factors = space.index_to_factors(np.arange(space.num_points))  # (N, F)
    steps = np.maximum(np.array(space.sizes) - 1, 1)
    centred = factors / steps - (np.array(space.sizes) > 1) / 2
    codes: FloatArray = CODE_RANGE * centred
    if noise:
        codes += noise * np.random.RandomState(seed).standard_normal(codes.shape)
    return np.asarray(codes, dtype=np.float32)


def score_perfect_codes(
    space: FactorSpace,
    noise: float = 0.0,
    seed: int = 0,
    metrics: tuple[str, ...] = ALL_METRICS,
    settings: Settings | None = None,
) -> Scores:
    """Scores perfect codes of a grid, to compare other scores with.

    Args:
        space: the grid that the other scores are of.
        noise: standard deviation of normal noise on each latent, where the range is `CODE_RANGE`.
        seed: of the noise and of the metrics' draws.
        metrics: which metrics.
        settings: what is drawn; the challenge's numbers if None.
    """
    return score_table(perfect_codes(space, noise, seed), space, seed, metrics, settings)
