"""What boosted trees tell DCI: the importance of each latent for each factor, and accuracies."""

from typing import NamedTuple

import numpy as np

from submission.scoring.arrays import FloatArray, IntArray
from submission.scoring.trees.boosting import fit_each_factor

__all__ = ["Trees", "boosted_importances"]

Rows = tuple[FloatArray, IntArray]


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


def boosted_importances(train: Rows, test: Rows, random_state: int) -> Trees:
    """Fits a boosted classifier for each factor.

    Args:
        train: codes (C, n) and factors (F, n) that fit the trees.
        test: codes (C, m) and factors (F, m) that test them.
        random_state: as scikit-learn's: it decides which of two equally good latents gets a split.

    Raises:
        InputError: if a code is not finite, or a factor has one value only in the training rows.
    """
    models = fit_each_factor(train[0].T, train[1].T, random_state=random_state)
    accuracies = [
        [(model.predict(codes.T) == values[f]).mean() for f, model in enumerate(models)]
        for codes, values in (train, test)
    ]
    importances = np.abs(np.array([model.importances for model in models])).T  # (C, F)
    return Trees(importances, np.array(accuracies[0]), np.array(accuracies[1]))
