"""SAP, the separated attribute predictability (Kumar et al. 2018), by the library's functions."""

import warnings
from dataclasses import dataclass

import numpy as np

from submission.config.group import setting
from submission.scoring.arrays import FloatArray, IntArray
from submission.scoring.checks import check_drawn
from submission.scoring.draws import Draws
from submission.scoring.library import library
from submission.scoring.metrics.metric import MetricScore, MetricSettings

__all__ = ["SapScore", "SapSettings", "compute_sap"]


@dataclass(frozen=True)
class SapSettings(MetricSettings):
    """Settings of SAP, which takes every factor as discrete."""

    num_train: int = setting(10_000, "Rows that fit the classifiers.", at_least=1)
    num_test: int = setting(5_000, "Rows that test them.", at_least=1)
    batch_size: int = setting(16, "Rows per draw.", at_least=1)


@dataclass(frozen=True, eq=False)
class SapScore(MetricScore):
    """SAP: by how much the best single latent predicts a factor better than the second best.

    Attributes:
        sap: the score: mean over factors of the gap.
        accuracies: (C, F) test accuracy of a linear classifier on one latent alone.
        gap_per_factor: (F,) best minus second best.
        latent_of_factor: (F,) the best latent.
    """

    sap: float
    accuracies: FloatArray
    gap_per_factor: FloatArray
    latent_of_factor: IntArray


def compute_sap(draws: Draws, settings: SapSettings) -> SapScore:
    """Computes SAP with every factor discrete.

    A constant latent keeps the accuracy of guessing, as in the library: it can be second best.

    Raises:
        InputError: if a factor has one value only in the training rows drawn.

    Example:
        >>> from submission.factors import FactorSpace
        >>> from submission.scoring.draws import SampleDraws
        >>> factors = np.indices((2, 2)).reshape(2, -1).T.repeat(60, axis=0)
        >>> space = FactorSpace(("shape", "size"), (2, 2))
        >>> draws = SampleDraws(space, factors * 1.0, factors, seed=0)
        >>> compute_sap(draws, SapSettings()).accuracies.diagonal().tolist()
        [1.0, 1.0]
    """
    nums = (settings.num_train, settings.num_test)
    train, test = draws.rows(nums, settings.batch_size)
    check_drawn(train[1], draws.space.names, "SapSettings.num_train")
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # The solver stops early on huge codes, in the library's own path too.
        warnings.simplefilter("ignore", ConvergenceWarning)
        accuracies = library().sap_score.compute_score_matrix(
            *train, *test, continuous_factors=False
        )
    ordered = np.sort(accuracies, axis=0)
    return SapScore(
        sap=float(library().sap_score.compute_avg_diff_top_two(accuracies)),
        accuracies=accuracies,
        gap_per_factor=ordered[-1] - ordered[-2],
        latent_of_factor=accuracies.argmax(axis=0),
    )
