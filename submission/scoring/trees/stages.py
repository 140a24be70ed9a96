"""What all trees of a stage need, and the compiled code that grows and adds them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.kernels import kept_kernel
from submission.scoring.arrays import Floats, IntArray, Singles
from submission.scoring.trees.logloss import negative_gradients, newton_step
from submission.scoring.trees.trees import SortedFeatures, Tree, grow_tree

__all__ = ["Forest", "Kernels", "Problem", "Stage", "kernels"]

# Samples that pass all trees together, few enough to stay in the fastest cache.
CHUNK = 256

LEARNING_RATE = 0.1
"""Weight of each tree, scikit-learn's default."""


class Forest(NamedTuple):
    """Trees of S stages with T trees each, or of one stage, without the first axis.

    Attributes:
        feature: (S, T, NUM_NODES) feature that splits a node, -1 at leaves.
        threshold: (S, T, NUM_NODES) split points: at or below goes to the left child.
        value: (S, T, NUM_NODES) values of the leaves.
    """

    feature: npt.NDArray[np.int32]
    threshold: Floats
    value: Floats


class Problem(NamedTuple):
    """What all stages share.

    Attributes:
        data: the sorted features.
        labels: (F, n) classes of each factor, numbered from 0.
        first_tree: (F + 1,) factor j's trees of a stage are first_tree[j] to below the next.
    """

    data: SortedFeatures
    labels: npt.NDArray[np.int32]
    first_tree: IntArray


class Stage(NamedTuple):
    """One stage to be grown.

    Attributes:
        trees: receives the trees.
        seeds: (T,) of the trees.
        reduction: (T, C) receives the reduction of squared error by each feature.
    """

    trees: Forest
    seeds: IntArray
    reduction: Floats


class Kernels(NamedTuple):
    """The entries into the compiled code, each a worker's part: (..., num_workers, worker)."""

    add_trees: Callable[..., None]
    take_gradients: Callable[..., None]
    grow_trees: Callable[..., None]


@cache
def kernels() -> Kernels:
    """Compiles the entries, or loads what an earlier process compiled of these sources."""
    entries = (_add_trees, _take_gradients, _grow_trees)
    return Kernels(*(kept_kernel(entry, Path(__file__).parent, nogil=True) for entry in entries))


@njit(nogil=True)
def _share(num: int, num_workers: int, worker: int) -> tuple[int, int]:
    """Gives a worker its part of 0..num-1, from the first number to below the second."""
    return num * worker // num_workers, num * (worker + 1) // num_workers


def _add_trees(
    features: Singles, trees: Forest, scores: Floats, num_workers: int, worker: int
) -> None:
    """Adds all trees, stage after stage, to the scores (T, n) of a worker's samples."""
    a, b = _share(scores.shape[1], num_workers, worker)
    feature, threshold, value = trees
    num_stages, num_trees, _ = feature.shape
    for start in range(a, b, CHUNK):
        for stage in range(num_stages):
            for t in range(num_trees):
                for i in range(start, min(start + CHUNK, b)):
                    node = 0
                    split = feature[stage, t, node]
                    while split >= 0:
                        goes_right = features[i, split] > threshold[stage, t, node]
                        node = 2 * node + 1 + goes_right
                        split = feature[stage, t, node]
                    scores[t, i] += LEARNING_RATE * value[stage, t, node]


def _take_gradients(
    problem: Problem, scores: Floats, target: Floats, num_workers: int, worker: int
) -> None:
    """Fills target (T, n) for a worker's samples."""
    labels, first_tree = problem.labels, problem.first_tree
    a, b = _share(scores.shape[1], num_workers, worker)
    for j in range(labels.shape[0]):
        own = slice(first_tree[j], first_tree[j + 1])
        negative_gradients(scores[own], labels[j], target[own], a, b)


def _grow_trees(
    problem: Problem,
    stage: Stage,
    target: Floats,
    scores: Floats,
    num_workers: int,
    worker: int,
) -> None:
    """Grows a worker's trees of a stage and adds them to the scores (T, n)."""
    data, labels, first_tree = problem
    feature, threshold, value = stage.trees
    order = np.empty_like(data.order)
    leaf = np.empty(data.order.shape[1], dtype=np.uint8)
    for t in range(worker, target.shape[0], num_workers):
        tree = Tree(feature[t], threshold[t], stage.reduction[t], leaf)
        grow_tree(data, target[t], stage.seeds[t], tree, order)
        j = np.searchsorted(first_tree, t, side="right") - 1
        num_own = first_tree[j + 1] - first_tree[j]
        positive = t - first_tree[j] if num_own > 1 else 1
        factor = (num_own - 1) / num_own if num_own > 1 else 1.0
        newton_step(target[t], labels[j], positive, factor, leaf, value[t])
        for i in range(leaf.size):
            scores[t, i] += LEARNING_RATE * value[t, leaf[i]]
