"""DCI (Eastwood and Williams, 2018): disentanglement, completeness and informativeness of codes.

The numbers are those of `disentanglement_lib.evaluation.metrics.dci`: importances from scikit-
learn's gradient-boosted trees, entropies of the importance matrix. The trees are grown by
`submission.scoring.trees.boosting`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import InputError
from submission.scoring.trees.boosting import fit_each_factor

__all__ = ["DciScores", "compute_dci", "score_importances"]

Floats = npt.NDArray[np.float64]

# disentanglement_lib adds it to every importance, so that a row of zeros has an entropy.
EPSILON = 1e-11


@dataclass(frozen=True)
class DciScores:
    """DCI of C codes about F factors.

    Factors with a single value take no part in the four scores; what is said of them below is for
    completeness only.

    Attributes:
        disentanglement: 0..1, mean over codes of `code_disentanglement`, weighted by their
            importance.
        completeness: 0..1, mean over factors of `factor_completeness`, weighted by their
            importance.
        informativeness_train: 0..1, mean over factors of the accuracy on the training samples.
        informativeness_test: 0..1, mean over factors of the accuracy on the test samples.
        importances: (C, F) importance of each code for predicting each factor; a column sums to 1,
            or to 0 where the factor has a single value or no code tells anything about it.
        code_disentanglement: (C,) 1 where a code serves one factor only, 0 where it serves all
            alike.
        factor_completeness: (F,) 1 where one code tells a factor, 0 where all tell it alike or it
            has a single value.
        accuracy_train: (F,) shares of training samples predicted rightly.
        accuracy_test: (F,) shares of test samples predicted rightly.
    """

    disentanglement: float
    completeness: float
    informativeness_train: float
    informativeness_test: float
    importances: Floats
    code_disentanglement: Floats
    factor_completeness: Floats
    accuracy_train: Floats
    accuracy_test: Floats


def _concentration(importances: Floats) -> Floats:
    """Computes 1 - entropy to base L of each row of an (M, L) matrix; 1 where L is 1."""
    num_columns = importances.shape[1]
    if num_columns == 1:
        return np.ones(len(importances))
    shares = importances + EPSILON
    shares = shares / shares.sum(axis=1, keepdims=True)
    entropy: Floats = -(shares * np.log(shares)).sum(axis=1) / np.log(num_columns)
    return 1.0 - entropy


def score_importances(importances: Floats) -> tuple[float, float, Floats, Floats]:
    """Scores an importance matrix.

    Args:
        importances: (C, F), at least 0, codes in rows.

    Returns:
        disentanglement, completeness, (C,) disentanglement of each code, (F,) completeness of each
        factor.

    Raises:
        ValueError: if the matrix is empty or not 2-D, or has a negative or non-finite number.
    """
    valid = importances.ndim == 2 and importances.size > 0
    if not valid or not np.isfinite(importances).all() or (importances < 0).any():
        raise InputError("expected a (C, F) matrix of finite importances of at least 0")
    per_code, per_factor = _concentration(importances), _concentration(importances.T)
    weights = importances if importances.sum() > 0 else np.ones_like(importances)
    weights = weights / weights.sum()
    disentanglement = float((per_code * weights.sum(axis=1)).sum())
    completeness = float((per_factor * weights.sum(axis=0)).sum())
    return disentanglement, completeness, per_code, per_factor


def compute_dci(
    codes_train: npt.ArrayLike,
    factors_train: npt.ArrayLike,
    codes_test: npt.ArrayLike,
    factors_test: npt.ArrayLike,
    random_state: int = 0,
) -> DciScores:
    """Computes DCI from samples, one per row.

    Args:
        codes_train: (n, C) codes to fit the trees to.
        factors_train: (n, F) integer factor values of the same samples.
        codes_test: (m, C) codes to test the trees on.
        factors_test: (m, F) integer factor values.
        random_state: of the trees, as scikit-learn's; where two codes separate samples equally
            well, it decides which takes the credit. disentanglement_lib leaves it to chance.

    Raises:
        ValueError: if shapes do not fit, a code is not finite, or no factor has two values.
    """
    values_train, values_test = np.asarray(factors_train), np.asarray(factors_test)
    if values_train.ndim != 2 or values_test.shape[1:] != values_train.shape[1:]:
        raise InputError(
            "expected factors of shapes (n, F) and (m, F),"
            f" got {values_train.shape} and {values_test.shape}"
        )
    if len(values_test) != len(np.asarray(codes_test)):
        raise InputError("expected as many rows of test codes as of test factors")
    varying = np.flatnonzero((values_train != values_train[:1]).any(axis=0))
    if not len(varying):
        raise InputError("expected at least one factor with two values in the training samples")
    models = fit_each_factor(codes_train, values_train[:, varying], random_state=random_state)
    accuracy_train = np.ones(values_train.shape[1])
    accuracy_test = (values_test == values_train[0]).mean(axis=0)
    for j, model in zip(varying, models, strict=True):
        accuracy_train[j] = (model.predict(codes_train) == values_train[:, j]).mean()
        accuracy_test[j] = (model.predict(codes_test) == values_test[:, j]).mean()
    columns = np.abs(np.array([model.importances for model in models])).T  # (C, number varying)
    importances = np.zeros((len(columns), values_train.shape[1]))
    importances[:, varying] = columns
    disentanglement, completeness, per_code, per_factor = score_importances(columns)
    factor_completeness = np.zeros(values_train.shape[1])
    factor_completeness[varying] = per_factor
    return DciScores(
        disentanglement=disentanglement,
        completeness=completeness,
        informativeness_train=float(accuracy_train[varying].mean()),
        informativeness_test=float(accuracy_test[varying].mean()),
        importances=importances,
        code_disentanglement=per_code,
        factor_completeness=factor_completeness,
        accuracy_train=accuracy_train,
        accuracy_test=accuracy_test,
    )
