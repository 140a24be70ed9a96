"""InfoMEC (Hsu et al. 2023): modularity, explicitness and compactness in terms of information.

A check from outside the challenge's five metrics. Mutual information is estimated from nearest
neighbours instead of histograms, and a factor is read from all latents by a linear classifier
instead of from one or from trees, so that what flatters one of the five need not flatter these.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from submission.errors import InputError

__all__ = ["InfoMEC", "infomec"]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]

INACTIVE = 0.05
"""Latents of a smaller standard deviation, relative to the widest, take no part."""


class InfoMEC(NamedTuple):
    """The three scores, 1 at best.

    Attributes:
        modularity: InfoM, whether a latent carries information on one factor only.
        explicitness: InfoE, how much a linear classifier reads of each factor from all latents.
        compactness: InfoC, whether a factor's information is in one latent only.
    """

    modularity: float
    explicitness: float
    compactness: float


def infomec(codes: FloatArray, factors: IntArray, seed: int = 0, num_rows: int = 10_000) -> InfoMEC:
    """Computes the three scores on a random sample.

    Args:
        codes: (N, C).
        factors: (N, F); factors with one value only take no part.
        seed: of the sample and the estimates.
        num_rows: rows of the sample; half of them fit the classifiers, the other half test them.

    Raises:
        ValueError: if fewer than two latents are active or fewer than two factors vary.
    """
    rows = np.random.default_rng(seed).permutation(len(codes))[:num_rows]
    spread = codes.std(axis=0)
    active = spread > INACTIVE * spread.max()
    z, s = codes[rows][:, active], factors[rows]
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    s = s[:, [len(np.unique(column)) > 1 for column in s.T]]
    if z.shape[1] < 2 or s.shape[1] < 2:
        raise InputError(
            f"expected two active latents and two factors that vary, got {z.shape[1]} and "
            f"{s.shape[1]}"
        )
    information = np.stack(
        [mutual_info_classif(z, column, random_state=seed) / _entropy(column) for column in s.T],
        axis=1,
    )  # (C, F), relative to the factor's entropy
    return InfoMEC(
        _concentration(information),
        float(np.mean([_explicitness(z, column) for column in s.T])),
        _concentration(information.T),
    )


def _concentration(shares: FloatArray) -> float:
    """Tells how much of each row's sum its largest entry has: 0 if all are equal, 1 if alone."""
    chance = 1 / shares.shape[1]
    sums = np.maximum(shares.sum(axis=1), 1e-12)
    return float(np.mean((shares.max(axis=1) / sums - chance) / (1 - chance)))


def _entropy(values: IntArray) -> float:
    shares = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(shares * np.log(shares)).sum())


def _explicitness(z: FloatArray, values: IntArray) -> float:
    """Gives the share of a factor's entropy that a linear classifier removes, on unseen rows."""
    half = len(z) // 2
    classifier = LogisticRegression(max_iter=500).fit(z[:half], values[:half])
    predicted = classifier.predict_proba(z[half:])
    left = log_loss(values[half:], predicted, labels=classifier.classes_)
    return max(0.0, float(1 - left / _entropy(values[half:])))
