"""DCI, SAP, IRS and MIG of drawn codes and factors, by the library's own functions.

Only DCI's trees are our own.

Codes come as (C, n) and factor values as (F, n), the library's orientation.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from submission.scoring.checks import summarise_latents
from submission.scoring.library import library
from submission.scoring.scores import DciScore, IrsScore, MigScore, SapScore
from submission.scoring.settings import IrsSettings, MigSettings

__all__ = ["Trees", "dci", "fast_trees", "irs", "library_trees", "mig", "sap"]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]
Rows = tuple[FloatArray, IntArray]


class Trees(NamedTuple):
    """What boosted trees tell DCI.

    Attributes:
        importances: (C, F).
        train_accuracies: (F,) share of training rows classified right.
        test_accuracies: (F,) share of test rows classified right.
    """

    importances: FloatArray
    train_accuracies: FloatArray
    test_accuracies: FloatArray


def fast_trees(train: Rows, test: Rows) -> Trees:
    """Fits our own boosted trees, scikit-learn's algorithm over features sorted once."""
    # Here, since numba is slow to import and training reads this package's tables without scoring.
    from submission.scoring.dci import compute_dci

    scores = compute_dci(train[0].T, train[1].T, test[0].T, test[1].T)
    return Trees(scores.importances, scores.accuracy_train, scores.accuracy_test)


def library_trees(train: Rows, test: Rows) -> Trees:
    """Fits the library's boosted trees, scikit-learn's, factor by factor; minutes at full size."""
    fits = [
        library().dci.compute_importance_gbt(
            train[0], train[1][factor : factor + 1], test[0], test[1][factor : factor + 1]
        )
        for factor in range(len(train[1]))
    ]
    importances, train_accuracies, test_accuracies = zip(*fits, strict=True)
    return Trees(np.hstack(importances), np.array(train_accuracies), np.array(test_accuracies))


def dci(train: Rows, test: Rows, fit_trees: Callable[[Rows, Rows], Trees]) -> DciScore:
    """Computes DCI.

    Args:
        train: codes (C, n) and factors (F, n) that fit the trees.
        test: codes and factors that test them.
        fit_trees: how the trees are fitted.
    """
    lib = library().dci
    trees = fit_trees(train, test)
    importances = trees.importances
    total = importances.sum()
    shares = importances if total > 0 else np.ones_like(importances)
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


def sap(train: Rows, test: Rows) -> SapScore:
    """Computes SAP with every factor discrete.

    Args:
        train: codes (C, n) and factors (F, n) that fit the classifiers.
        test: codes and factors that test them.
    """
    lib = library().sap
    accuracies = lib.compute_score_matrix(*train, *test, continuous_factors=False)
    ordered = np.sort(accuracies, axis=0)
    return SapScore(
        sap=float(lib.compute_avg_diff_top_two(accuracies)),
        accuracies=accuracies,
        gap_per_factor=ordered[-1] - ordered[-2],
        latent_of_factor=accuracies.argmax(axis=0),
    )


def irs(rows: Rows, settings: IrsSettings) -> IrsScore:
    """Computes IRS; latents whose variance is 0, as the library takes it, have no part.

    Args:
        rows: codes (C, n) and factors (F, n).
        settings: bins and quantile.
    """
    codes, factors = rows
    active = codes.var(axis=1) > 0
    C, F = len(codes), len(factors)
    matrix = np.zeros((C, F))
    robustness, deviations = np.zeros(C), np.zeros(C)
    parents = np.full(C, -1, dtype=np.int64)
    score = 0.0
    if active.any():
        result = library().irs.scalable_disentanglement_score(
            _binned(factors, settings.num_bins).T, codes[active].T, settings.diff_quantile
        )
        score = float(result["avg_score"])
        matrix[active] = result["IRS_matrix"]
        robustness[active] = result["disentanglement_scores"]
        parents[active] = result["parents"]
        deviations[active] = result["max_deviations"]
    # Rounding may give a constant a variance; its weight is next to nothing, and so is its row.
    constant = codes.min(axis=1) == codes.max(axis=1)
    matrix[constant], robustness[constant], parents[constant] = 0, 0, -1
    return IrsScore(
        irs=score,
        num_active_latents=int((active & ~constant).sum()),
        matrix=matrix,
        robustness_per_latent=robustness,
        factor_of_latent=parents,
        max_deviations=deviations,
    )


def mig(rows: Rows, settings: MigSettings) -> MigScore:
    """Computes MIG over equal-width bins.

    Args:
        rows: codes (C, n) and factors (F, n).
        settings: bins.
    """
    codes, factors = rows
    utils = library().utils
    information = utils.discrete_mutual_info(_binned(codes, settings.num_bins), factors)  # (C, F)
    entropies = utils.discrete_entropy(factors)
    ordered = np.sort(information, axis=0)
    gaps = (ordered[-1] - ordered[-2]) / entropies
    return MigScore(
        mig=float(np.mean(gaps)),
        mutual_information=information,
        entropies=entropies,
        gap_per_factor=gaps,
        latent_of_factor=information.argmax(axis=0),
        latents=summarise_latents(codes.T),
    )


def _binned(rows: npt.NDArray[np.generic], num_bins: int) -> npt.NDArray[np.generic]:
    """Numbers each row's values by equal-width bins with the library's function."""
    binned: npt.NDArray[np.generic] = library().utils._histogram_discretize.__wrapped__(
        rows, num_bins
    )
    return binned
