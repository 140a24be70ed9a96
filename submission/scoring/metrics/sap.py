"""SAP, the separated attribute predictability (Kumar et al. 2018), by the library's functions."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.scoring.checks import check_counts, check_drawn
from submission.scoring.draws import Draws
from submission.scoring.library import library

__all__ = ["SapScore", "SapSettings", "compute_sap"]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SapSettings:
    """Settings of SAP, which takes every factor as discrete.

    Attributes:
        num_train: rows that fit the classifiers.
        num_test: rows that test them.
        batch_size: rows per draw.
    """

    num_train: int = 10_000
    num_test: int = 5_000
    batch_size: int = 16

    def __post_init__(self) -> None:
        check_counts(self)

    def gin_bindings(self) -> dict[str, str]:
        """Gives the settings as the library's gin bindings."""
        return {
            "evaluation.evaluation_fn": "@sap_score",
            "sap_score.batch_size": str(self.batch_size),
            "sap_score.continuous_factors": "False",
            "sap_score.num_test": str(self.num_test),
            "sap_score.num_train": str(self.num_train),
        }


@dataclass(frozen=True, eq=False)
class SapScore:
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

    @property
    def score(self) -> float:
        """The number that is compared, higher is better."""
        return self.sap

    def library_results(self) -> dict[str, Any]:
        """Names the numbers as the library does."""
        return {"SAP_score": self.sap}


def compute_sap(draws: Draws, settings: SapSettings) -> SapScore:
    """Computes SAP with every factor discrete.

    A constant latent keeps the accuracy of guessing, as in the library: it can be second best.

    Raises:
        InputError: if a factor has one value only in the training rows drawn.
    """
    nums = (settings.num_train, settings.num_test)
    train, test = draws.rows(nums, settings.batch_size)
    check_drawn(train[1], draws.names, "SapSettings.num_train")
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # The solver stops early on huge codes, in the library's own path too.
        warnings.simplefilter("ignore", ConvergenceWarning)
        accuracies = library().sap.compute_score_matrix(*train, *test, continuous_factors=False)
    ordered = np.sort(accuracies, axis=0)
    return SapScore(
        sap=float(library().sap.compute_avg_diff_top_two(accuracies)),
        accuracies=accuracies,
        gap_per_factor=ordered[-1] - ordered[-2],
        latent_of_factor=accuracies.argmax(axis=0),
    )
