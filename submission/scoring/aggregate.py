"""Mean and spread of scores over trainings and evaluation seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from submission.errors import InputError
from submission.scoring.results import Scores

__all__ = ["Spread", "aggregate", "spreads_of_seeds"]


@dataclass(frozen=True)
class Spread:
    """One metric over n trainings or evaluation seeds.

    Attributes:
        mean: of all.
        std: standard deviation (n - 1); None if n is 1.
        low: the lowest.
        high: the highest.
    """

    mean: float
    std: float | None
    low: float
    high: float


def aggregate(trainings: Sequence[Sequence[Scores]]) -> dict[str, Spread]:
    """Summarises each metric over the trainings' means, or over the seeds of the only training.

    Args:
        trainings: for each training, its scores with distinct evaluation seeds.

    Raises:
        InputError: if there are no scores, a seed repeats within a training, or the scores are
            not comparable: other factors, settings, metrics or data.

    Example:
        >>> from dataclasses import replace
        >>> from submission.scoring import score_samples
        >>> factors = np.indices((3, 4)).reshape(2, -1).T
        >>> one = score_samples(factors * 1.0, factors, metrics=("irs",))
        >>> other = replace(one, irs=replace(one.irs, irs=0.5))
        >>> round(aggregate([[one], [other]])["irs"].mean, 3)
        0.75
    """
    scores = [score for training in trainings for score in training]
    if not scores or not all(trainings):
        raise InputError("expected at least one training with at least one score")
    for training in trainings:
        seeds = [score.seed for score in training]
        if len(set(seeds)) < len(seeds):
            raise InputError(f"expected distinct evaluation seeds for each training, got {seeds}")
    for score in scores[1:]:
        _check_comparable(scores[0], score)
    return {
        metric: _spread([[score.values()[metric] for score in training] for training in trainings])
        for metric in scores[0].values()
    }


def spreads_of_seeds(seeds: Sequence[Scores]) -> dict[str, Spread]:
    """Summarises each metric that two or more seeds have.

    Args:
        seeds: scores of the same codes with different seeds.

    Example:
        >>> from submission.scoring import score_samples
        >>> factors = np.indices((3, 4)).reshape(2, -1).T
        >>> codes = factors * 1.0
        >>> seeds = [score_samples(codes, factors, seed=n, metrics=("irs",)) for n in (0, 1)]
        >>> round(spreads_of_seeds(seeds)["irs"].mean, 3)
        1.0
    """
    found: dict[str, list[float]] = {}
    for scores in seeds:
        for metric, value in scores.values().items():
            found.setdefault(metric, []).append(value)
    return {metric: _spread([values]) for metric, values in found.items() if len(values) > 1}


def _spread(trainings: list[list[float]]) -> Spread:
    values = [float(np.mean(each)) for each in trainings] if len(trainings) > 1 else trainings[0]
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), std, min(values), max(values))


def _check_comparable(first: Scores, other: Scores) -> None:
    """Refuses to average numbers of different things."""
    if differing := first.differing(other):
        name = differing[0]
        raise InputError(
            f"expected scores with the same {name}, got {getattr(first, name)} with seed "
            f"{first.seed} and {getattr(other, name)} with seed {other.seed}; leave one out"
        )
    if set(first.values()) != set(other.values()):
        raise InputError(
            f"expected scores of the same metrics, got {list(first.values())} with seed "
            f"{first.seed} and {list(other.values())} with seed {other.seed}; add what is missing: "
            "python3 local_evaluation.py --seed N"
        )
    hashes = [score.source and score.source.data_sha256 for score in (first, other)]
    if hashes[0] != hashes[1]:
        raise InputError(
            f"expected scores on the same data, got the hashes {hashes}; leave one out"
        )
