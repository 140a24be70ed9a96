"""One code's scores with several evaluation seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from submission.scoring.results import Scores

__all__ = ["SeedSpread", "spreads_of_seeds"]


@dataclass(frozen=True)
class SeedSpread:
    """A metric over evaluation seeds.

    Attributes:
        mean: of all seeds.
        std: standard deviation (n - 1).
        low: the lowest score.
        high: the highest score.
        num_seeds: n, at least 2.
    """

    mean: float
    std: float
    low: float
    high: float
    num_seeds: int


def spreads_of_seeds(seeds: Sequence[Scores]) -> dict[str, SeedSpread]:
    """Summarises each metric that two or more seeds have.

    Args:
        seeds: scores of the same codes with different seeds.

    Example:
        >>> from submission.scoring import score_samples
        >>> factors = np.indices((3, 4)).reshape(2, -1).T
        >>> codes = factors * 1.0
        >>> seeds = [score_samples(codes, factors, seed=n, metrics=("irs",)) for n in (0, 1)]
        >>> spread = spreads_of_seeds(seeds)["irs"]
        >>> round(spread.mean, 3), round(spread.std, 3), spread.num_seeds
        (1.0, 0.0, 2)
    """
    found: dict[str, list[float]] = {}
    for scores in seeds:
        for metric, value in scores.values().items():
            found.setdefault(metric, []).append(value)
    return {
        metric: SeedSpread(
            mean=float(np.mean(values)),
            std=float(np.std(values, ddof=1)),
            low=min(values),
            high=max(values),
            num_seeds=len(values),
        )
        for metric, values in found.items()
        if len(values) > 1
    }
