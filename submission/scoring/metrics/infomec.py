"""InfoMEC (Hsu et al. 2023): modularity, explicitness and compactness in terms of information.

A check from outside the challenge's five metrics. Mutual information is estimated from nearest
neighbours, not from histograms. A linear classifier reads a factor from all latents, where SAP
takes one latent and DCI takes trees. So what flatters one of the five need not flatter these.

The definitions are those of "Disentanglement via Latent Quantization" (NeurIPS 2023), section 5,
and of the authors' program, for continuous latents.
"""

import warnings
from typing import NamedTuple

import numpy as np

from submission.errors import InputError
from submission.scoring.arrays import FloatArray, IntArray
from submission.scoring.checks import is_constant

__all__ = ["InfoMEC", "infomec"]

ACTIVE_SHARE = 1 / 20
"""A latent is active if its range is above this share of the largest range."""

NUM_NEIGHBORS = 10
MAX_ITERATIONS = 100
NUM_ROWS = 10_000
"""Rows of the sample, as in the authors' evaluation."""


class InfoMEC(NamedTuple):
    """The three scores, 1 at best.

    Attributes:
        modularity: InfoM: does an active latent carry information on one factor only?
        explicitness: InfoE: how much of each factor does a linear classifier read from the code?
        compactness: InfoC: is a factor's information in one active latent only?
    """

    modularity: float
    explicitness: float
    compactness: float


def infomec(codes: FloatArray, factors: IntArray) -> InfoMEC:
    """Computes the three scores of a random sample of at most 10,000 rows.

    With I the (C, F) matrix of mutual information between an active latent and a factor, divided
    by the factor's entropy:

        InfoM = (mean over latents of (max of a row / sum of the row) - 1/F) / (1 - 1/F)
        InfoC = (mean over factors of (max of a column / its sum) - 1/C) / (1 - 1/C)
        InfoE = mean over factors of 1 - cross-entropy / log(number of values)

    The cross-entropy is that of a logistic regression on all standardised latents that are not
    constant, on the rows that it was fitted to, without a penalty and with balanced classes.
    Balanced classes make log(number of values) the cross-entropy of a classifier without latents.

    Args:
        codes: (N, C).
        factors: (N, F); factors with one value only take no part.

    Raises:
        InputError: if fewer than two latents are active or fewer than two factors vary, or if no
            two rows share a value of a factor.

    Example:
        >>> factors = np.random.default_rng(0).integers(3, size=(1000, 2))
        >>> noise = np.random.default_rng(1).normal(size=(1000, 2))
        >>> infomec(factors + 0.01 * noise, factors).explicitness > 0.99
        True
    """
    rows = np.random.default_rng(0).permutation(len(codes))[:NUM_ROWS]
    z, s = codes[rows].astype(np.float64), factors[rows]
    s = s[:, ~is_constant(s)]
    z = z[:, ~is_constant(z)]
    for column in s.T:
        if len(np.unique(column)) == len(s):
            raise InputError(
                "expected rows that share a value of each factor, got a factor with another value "
                f"in each of {len(s):,} rows; join its values, such as in 10 bins"
            )
    ranges = np.ptp(z, axis=0)
    active = ranges > ACTIVE_SHARE * ranges.max(initial=0)
    if active.sum() < 2 or s.shape[1] < 2:
        raise InputError(
            f"expected two active latents and two factors that vary, got {active.sum()} and "
            f"{s.shape[1]}"
        )
    # The squares of tiny latents would be 0; a power of two changes no digit.
    z = np.ldexp(z, -np.frexp(ranges)[1])
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    information = np.stack([_information(z[:, active], column) for column in s.T], axis=1)  # (C, F)
    return InfoMEC(
        _concentration(information),
        float(np.mean([_explicitness(z, column) for column in s.T])),
        _concentration(information.T),
    )


def _information(z: FloatArray, values: IntArray) -> FloatArray:
    """Estimates the share (C,) of a factor's entropy that each latent of (n, C) tells."""
    from sklearn.feature_selection import mutual_info_classif

    shares = np.unique(values, return_counts=True)[1] / len(values)
    information: FloatArray = mutual_info_classif(
        z, values, discrete_features=False, n_neighbors=NUM_NEIGHBORS, random_state=0
    )
    entropy = float(-(shares * np.log(shares)).sum())
    relative: FloatArray = information / entropy
    return relative


def _concentration(shares: FloatArray) -> float:
    """Scores how much of each row's sum its largest entry has: 0 if all are equal, 1 if alone."""
    chance = 1 / shares.shape[1]
    sums = np.maximum(shares.sum(axis=1), 1e-12)
    return float(np.mean((shares.max(axis=1) / sums - chance) / (1 - chance)))


def _explicitness(z: FloatArray, values: IntArray) -> float:
    """Computes 1 - cross-entropy / log(number of values) of one factor from (n, C) latents."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    # C is the inverse of the penalty's weight.
    model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=MAX_ITERATIONS)
    with warnings.catch_warnings():
        # Separable classes let the weights grow until the iterations end.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(z, values)
    return float(1 - log_loss(values, model.predict_proba(z)) / np.log(len(model.classes_)))
