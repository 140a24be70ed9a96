"""Mean and spread of scores over trainings and evaluation seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from submission.errors import InputError
from submission.scoring.results import Scores

__all__ = ["Spread", "aggregate"]


@dataclass(frozen=True)
class Spread:
    """One metric over several trainings, each scored with one or more seeds.

    Attributes:
        mean: mean of the trainings' means.
        std_trainings: standard deviation (n - 1) of the trainings' means; None for one training.
        std_evaluations: standard deviation (n - 1) between evaluation seeds within a training,
            pooled over trainings; None where each training was scored once.
        num_trainings: how many trainings.
    """

    mean: float
    std_trainings: float | None
    std_evaluations: float | None
    num_trainings: int

    @property
    def std(self) -> float | None:
        """The spread to print: between trainings, or between evaluations of the only one."""
        return self.std_evaluations if self.num_trainings == 1 else self.std_trainings


def aggregate(trainings: Sequence[Sequence[Scores]]) -> dict[str, Spread]:
    """Summarises each metric that all scores have.

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


def _spread(trainings: list[list[float]]) -> Spread:
    means = [float(np.mean(values)) for values in trainings]
    squares = sum(float(np.sum((np.array(values) - np.mean(values)) ** 2)) for values in trainings)
    freedom = sum(len(values) - 1 for values in trainings)
    return Spread(
        mean=float(np.mean(means)),
        std_trainings=float(np.std(means, ddof=1)) if len(means) > 1 else None,
        std_evaluations=(squares / freedom) ** 0.5 if freedom else None,
        num_trainings=len(means),
    )


def _check_comparable(first: Scores, other: Scores) -> None:
    """Refuses to average numbers of different things."""
    for name in ("kind", "num_rows", "factor_names", "factor_sizes", "settings"):
        if getattr(first, name) != getattr(other, name):
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
