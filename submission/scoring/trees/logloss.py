"""The log loss of boosting: its gradients and the Newton step at the leaves of a tree, compiled.

Two classes share one score, the log-odds of the second; more classes have a score each. The numbers
are scikit-learn's bit for bit, NumPy's way of summing included.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.scoring.arrays import Bytes, Floats, IntArray
from submission.scoring.trees.trees import NUM_NODES

__all__ = ["negative_gradients", "newton_step", "prior_scores"]

Labels = npt.NDArray[np.int32]

# Below it exp(-score) leaves the range in which the quotient is exact.
LOWEST_SCORE = -37.0
LEAST_CURVATURE = 1e-150


def prior_scores(counts: IntArray) -> Floats:
    """Turns class frequencies into the scores that boosting starts from.

    Args:
        counts: (K,) numbers of samples of each class, each at least 1, K at least 2.

    Returns:
        (1,) log-odds of the second of two classes, or (K,) centred log-probabilities.

    Example:
        >>> prior_scores(np.array([30, 10])).round(3)  # log of 10 / 30
        array([-1.099])
    """
    from scipy.special import logit
    from scipy.stats import gmean

    probabilities = counts / counts.sum()
    if len(counts) == 2:
        return np.array([logit(probabilities[1])])
    scores: Floats = np.log(probabilities / gmean(probabilities))
    return scores


@njit(nogil=True)
def _binary_gradient(score: float, label: int) -> float:
    """Computes label - sigmoid(score)."""
    if score > LOWEST_SCORE:
        odds = np.exp(-score)
        gradient: float = -(((1.0 - label) - label * odds) / (1.0 + odds))
        return gradient
    return label - float(np.exp(score))


@njit(nogil=True)
def negative_gradients(scores: Floats, labels: Labels, target: Floats, a: int, b: int) -> None:
    """Computes one-hot minus probability of the samples from a to below b.

    Args:
        scores: (1, n) or (K, n).
        labels: (n,) classes 0..K-1.
        target: like scores, receives the result.
        a: first sample.
        b: one past the last.
    """
    num_scores = scores.shape[0]
    for i in range(a, b):
        if num_scores == 1:
            target[0, i] = _binary_gradient(scores[0, i], labels[i])
            continue
        highest = scores[0, i]
        for k in range(1, num_scores):
            highest = max(highest, scores[k, i])
        total = 0.0
        for k in range(num_scores):
            exponential = np.exp(scores[k, i] - highest)
            target[k, i] = exponential
            total += exponential
        for k in range(num_scores):
            probability = target[k, i] / total
            target[k, i] = 1.0 - probability if labels[i] == k else -probability


@njit(nogil=True)
def _pairwise_sum(numbers: Floats) -> float:
    """Sums as NumPy does: halves down to 128 numbers, eight interleaved sums within."""
    num = numbers.size
    if num > 128:
        half = num // 16 * 8
        return _pairwise_sum(numbers[:half]) + _pairwise_sum(numbers[half:])
    total = 0.0
    even = num - num % 8
    if even > 0:
        lanes = numbers[:8].copy()
        for i in range(8, even, 8):
            for lane in range(8):
                lanes[lane] += numbers[i + lane]
        total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + (
            (lanes[4] + lanes[5]) + (lanes[6] + lanes[7])
        )
    for i in range(even, num):
        total += numbers[i]
    return total


@njit(nogil=True)
def newton_step(
    target: Floats,
    labels: Labels,
    positive: int,
    factor: float,
    leaf: Bytes,
    value: Floats,
) -> None:
    """Gives the leaves of a grown tree their values.

    Args:
        target: (n,) negative gradient.
        labels: (n,) classes.
        positive: the class whose score the tree raises.
        factor: (K - 1) / K for K > 2 classes, 1 for two.
        leaf: (n,) leaf of each sample.
        value: (NUM_NODES,) receives the values, 0 at nodes that are no leaves.
    """
    num_samples = target.size
    start = np.zeros(NUM_NODES + 1, dtype=np.int64)
    for i in range(num_samples):
        start[leaf[i] + 1] += 1
    start = np.cumsum(start)
    place = start.copy()
    gradients, curvatures = np.empty(num_samples), np.empty(num_samples)
    for i in range(num_samples):
        j = place[leaf[i]]
        place[leaf[i]] += 1
        probability = (1.0 if labels[i] == positive else 0.0) - target[i]
        gradients[j] = target[i]
        curvatures[j] = probability * (1.0 - probability)
    value[:] = 0.0
    for node in range(NUM_NODES):
        a, b = start[node], start[node + 1]
        if a == b:
            continue
        gradient = _pairwise_sum(gradients[a:b]) / (b - a) * factor
        curvature = _pairwise_sum(curvatures[a:b]) / (b - a)
        if abs(curvature) >= LEAST_CURVATURE:
            value[node] = gradient / curvature
