"""Regression trees of depth 3 on features sorted once for all trees, compiled.

A tree equals scikit-learn's `DecisionTreeRegressor` (squared error, best splits) with the same
seed. The work differs: a split divides the sorted lists of samples between the children, where
scikit-learn sorts again at every node.

Nodes are numbered as in a heap: the children of node i are 2 i + 1 and 2 i + 2.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.scoring.arrays import Bytes, Floats, Samples, Singles
from submission.scoring.trees.splits import (
    BLOCK,
    NUM_LANES,
    FeatureOrder,
    Node,
    Room,
    draw_features,
    reciprocal_table,
    search,
)

__all__ = ["NUM_NODES", "SortedFeatures", "Tree", "grow_tree", "sort_features"]

MAX_DEPTH = 3
NUM_NODES = 2 ** (MAX_DEPTH + 1) - 1
FIRST_OF_LAST_LEVEL = NUM_NODES // 2
# A node whose variance is lower counts as pure.
LEAST_VARIANCE = float(np.finfo(np.float64).eps)


class SortedFeatures(NamedTuple):
    """What all trees share.

    Attributes:
        values: (C, n) features in single precision.
        order: (C, n) samples sorted by each feature.
        reciprocals: (2 n + 1,) `reciprocal_table`.
    """

    values: Singles
    order: Samples
    reciprocals: Floats


class Tree(NamedTuple):
    """A tree to be grown.

    Attributes:
        feature: (NUM_NODES,) feature that splits each node, -1 at leaves and unused nodes.
        threshold: (NUM_NODES,) split points: at or below goes left.
        reduction: (C,) reduction of squared error by each feature.
        leaf: (n,) leaf of each sample.
    """

    feature: npt.NDArray[np.int32]
    threshold: Floats
    reduction: Floats
    leaf: Bytes


def sort_features(features: Singles) -> SortedFeatures:
    """Sorts the samples once by every column of (n, C) features.

    Example:
        >>> sort_features(np.array([[0.5], [0.1], [0.3]], np.float32)).order.tolist()
        [[1, 2, 0]]
    """
    values = np.ascontiguousarray(features.T)
    order = np.argsort(values, axis=1, kind="stable").astype(np.uint32)
    return SortedFeatures(values, order, reciprocal_table(len(features)))


@njit(nogil=True)
def _divide(samples: Samples, divided: Samples, spare: Samples, goes_left: Bytes) -> None:
    """Copies a sorted list, the left child's samples first, both parts sorted; in place or not."""
    left, right = np.uint64(0), np.uint64(0)
    for i in range(samples.size):
        sample = samples[i]
        # Writing to both sides and advancing one is faster than a branch nobody can predict.
        divided[left] = sample
        spare[right] = sample
        left += np.uint64(goes_left[sample])
        right += np.uint64(1 - goes_left[sample])
    for i in range(right):
        divided[left + np.uint64(i)] = spare[i]


@njit(nogil=True)
def _send(samples: Samples, column: Singles, threshold: float, goes_left: Bytes) -> int:
    """Swaps the left child's samples to the front from both ends and returns their number."""
    low, high = 0, samples.size
    while low < high:
        sample = samples[low]
        if column[sample] <= threshold:
            goes_left[sample] = 1
            low += 1
        else:
            goes_left[sample] = 0
            high -= 1
            samples[low], samples[high] = samples[high], sample
    return low


@njit(nogil=True)
def _moments(samples: Samples, target: Floats) -> tuple[float, float]:
    """Sums the target and its squares in the order of the samples."""
    total, squares = 0.0, 0.0
    for sample in samples:
        total += target[sample]
        squares += target[sample] * target[sample]
    return total, squares


@njit(nogil=True)
def _left_total(samples: Samples, num_left: int, target: Floats, total: float) -> float:
    """Sums the target of the first samples, or takes the others off the total if they are fewer."""
    if num_left <= samples.size - num_left:
        return _moments(samples[:num_left], target)[0]
    for i in range(samples.size - 1, num_left - 1, -1):
        total -= target[samples[i]]
    return total


@njit(nogil=True)
def grow_tree(data: SortedFeatures, target: Floats, seed: int, tree: Tree, order: Samples) -> None:
    """Grows one tree that explains the target.

    Args:
        data: the sorted features.
        target: (n,) numbers to explain.
        seed: of the generator that orders the features, 0..2^31 - 2.
        tree: receives the tree.
        order: (C, n) room for the sorted lists.
    """
    feature, threshold, reduction, leaf = tree
    num_features, num_samples = data.values.shape
    room = Room(np.empty((NUM_LANES, num_samples)), np.empty(num_samples // BLOCK + 1))
    samples = np.arange(num_samples).astype(np.uint32)
    spare = np.empty_like(samples)
    goes_left = np.empty(num_samples, dtype=np.uint8)
    features = np.arange(num_features)
    visited = np.empty_like(features)
    carried = FeatureOrder(np.array([seed]), features, np.empty_like(features), visited)
    begin, end = np.zeros(NUM_NODES, dtype=np.int64), np.zeros(NUM_NODES, dtype=np.int64)
    num_known = np.zeros(NUM_NODES, dtype=np.int64)
    variance = np.zeros(NUM_NODES)
    end[0] = num_samples
    feature[:] = -1
    reduction[:] = 0.0
    waiting = np.zeros(NUM_NODES, dtype=np.int64)
    num_waiting = 1
    while num_waiting > 0:
        num_waiting -= 1
        node = waiting[num_waiting]
        a, b = begin[node], end[node]
        here = samples[a:b]
        num = b - a
        total, squares = _moments(here, target)
        if node == 0:
            variance[0] = squares / num - (total / num) ** 2
        split, position, last = -1, -1, -1
        lists = data.order if node == 0 else order
        if node < FIRST_OF_LAST_LEVEL and num > 1 and variance[node] > LEAST_VARIANCE:
            part = Node(data.values, lists, a, b)
            num_visited, last, num_known[node] = draw_features(part, carried, num_known[node])
            split, position = search(
                part, target, total, visited[:num_visited], data.reciprocals, room
            )
        if split < 0:
            for sample in here:
                leaf[sample] = node
            continue
        column = data.values[split]
        below, above = lists[split, a + position], lists[split, a + position + 1]
        feature[node] = split
        threshold[node] = np.float64(column[below]) / 2.0 + np.float64(column[above]) / 2.0
        # The builder's last sort decides in which order the children's samples are summed.
        here[:] = lists[last, a:b]
        num_left = _send(here, column, threshold[node], goes_left)
        num_right = num - num_left
        left_total = _left_total(here, num_left, target, total)
        left_squares = _moments(here[:num_left], target)[1]
        left, right = 2 * node + 1, 2 * node + 2
        variance[left] = left_squares / num_left - (left_total / num_left) ** 2
        variance[right] = (squares - left_squares) / num_right - (
            (total - left_total) / num_right
        ) ** 2
        reduction[split] += (
            num * variance[node] - num_left * variance[left] - num_right * variance[right]
        )
        begin[left], end[left] = a, a + num_left
        begin[right], end[right] = a + num_left, b
        num_known[left], num_known[right] = num_known[node], num_known[node]
        if left < FIRST_OF_LAST_LEVEL:
            for f in range(num_features):
                _divide(lists[f, a:b], order[f, a:b], spare, goes_left)
        waiting[num_waiting], waiting[num_waiting + 1] = right, left
        num_waiting += 2
