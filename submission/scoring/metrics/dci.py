"""DCI (Eastwood and Williams 2018), by the library's own functions on our own boosted trees."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from submission.config.group import setting
from submission.scoring.arrays import FloatArray
from submission.scoring.checks import check_drawn
from submission.scoring.draws import Draws, Rows
from submission.scoring.library import library
from submission.scoring.metrics.metric import MetricScore, MetricSettings

__all__ = [
    "DciScore",
    "DciSettings",
    "Trees",
    "boosted_importances",
    "compute_dci",
    "dci_of_trees",
]

RANDOM_STATE = 0
"""Decides which of two equally good latents a tree splits; the library leaves it to chance."""


@dataclass(frozen=True)
class DciSettings(MetricSettings):
    """Settings of DCI."""

    num_train: int = setting(10_000, "Rows that fit the trees.", at_least=1)
    num_test: int = setting(5_000, "Rows that test them.", at_least=1)
    batch_size: int = setting(16, "Rows per draw.", at_least=1)


@dataclass(frozen=True, eq=False)
class DciScore(MetricScore):
    """DCI: how concentrated boosted trees' importances are.

    Attributes:
        disentanglement: the score: weighted mean over latents of 1 - entropy over factors.
        completeness: weighted mean over factors of 1 - entropy over latents.
        informativeness_train: share of training rows classified right, mean over factors.
        informativeness_test: the same for test rows.
        importances: (C, F) importance of each latent for predicting each factor.
        disentanglement_per_latent: (C,).
        weight_of_latent: (C,) share of a latent in all importance, the weights of the score.
        completeness_per_factor: (F,).
        train_accuracy_per_factor: (F,).
        test_accuracy_per_factor: (F,).
    """

    disentanglement: float
    completeness: float
    informativeness_train: float
    informativeness_test: float
    importances: FloatArray
    disentanglement_per_latent: FloatArray
    weight_of_latent: FloatArray
    completeness_per_factor: FloatArray
    train_accuracy_per_factor: FloatArray
    test_accuracy_per_factor: FloatArray


class Trees(NamedTuple):
    """What boosted trees tell DCI.

    Attributes:
        importances: (C, F), at least 0; a column sums to 1, or to 0 where no latent helps.
        train_accuracies: (F,) share of training rows classified right.
        test_accuracies: (F,) share of test rows classified right.
    """

    importances: FloatArray
    train_accuracies: FloatArray
    test_accuracies: FloatArray


def compute_dci(draws: Draws, settings: DciSettings) -> DciScore:
    """Computes DCI on our own boosted trees: scikit-learn's, with features sorted once.

    Raises:
        InputError: if a factor has one value only in the training rows drawn.
    """
    nums = (settings.num_train, settings.num_test)
    train, test = draws.rows(nums, settings.batch_size)
    check_drawn(train[1], draws.space.names, "DciSettings.num_train")
    return dci_of_trees(boosted_importances(train, test, RANDOM_STATE))


def boosted_importances(train: Rows, test: Rows, random_state: int) -> Trees:
    """Fits a boosted classifier for each factor.

    Args:
        train: codes (C, n) and factors (F, n) that fit the trees.
        test: codes (C, m) and factors (F, m) that test them.
        random_state: as scikit-learn's: it decides which of two equally good latents gets a split.

    Raises:
        InputError: if a code is not finite, or a factor has one value only in the training rows.
    """
    # Imported here, because numba is slow to import and training reads tables without scoring.
    from submission.scoring.trees.boosting import fit_each_factor

    models = fit_each_factor(train[0].T, train[1].T, random_state=random_state)
    accuracies = [
        [(model.predict(codes.T) == values[f]).mean() for f, model in enumerate(models)]
        for codes, values in (train, test)
    ]
    importances = np.abs(np.array([model.importances for model in models])).T  # (C, F)
    return Trees(importances, np.array(accuracies[0]), np.array(accuracies[1]))


def dci_of_trees(trees: Trees) -> DciScore:
    """Scores importances and accuracies with the library's functions.

    Example:
        >>> score = dci_of_trees(Trees(np.eye(2), np.ones(2), np.ones(2)))
        >>> round(score.disentanglement, 3), round(score.completeness, 3)
        (1.0, 1.0)
    """
    lib, importances = library().dci, trees.importances
    shares = importances if importances.sum() > 0 else np.ones_like(importances)
    return DciScore(
        disentanglement=float(lib.disentanglement(importances)),
        completeness=float(lib.completeness(importances)),
        informativeness_train=float(np.mean(trees.train_accuracies)),
        informativeness_test=float(np.mean(trees.test_accuracies)),
        importances=importances,
        disentanglement_per_latent=lib.disentanglement_per_code(importances),
        weight_of_latent=shares.sum(axis=1) / shares.sum(),
        completeness_per_factor=lib.completeness_per_factor(importances),
        train_accuracy_per_factor=trees.train_accuracies,
        test_accuracy_per_factor=trees.test_accuracies,
    )
