"""Gradient-boosted classification trees: scikit-learn's algorithm and numbers on all cores.

The model is that of `sklearn.ensemble.GradientBoostingClassifier` at its defaults and the same
random state: to the last bits where no two values of a feature are closer than 1e-7 (single
precision; constant features may be there). The random state matters, there as here, because two
features often split a small node alike, and the first one drawn takes the credit. Where values
are closer, sums may round differently and hand such ties to the other feature; that changes
importances less than another random state does.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.errors import InputError
from submission.scoring.arrays import Floats, IntArray, Singles
from submission.scoring.trees.logloss import negative_gradients, newton_step, prior_scores
from submission.scoring.trees.trees import NUM_NODES, SortedFeatures, Tree, grow_tree, sort_features

__all__ = ["BoostedTrees", "fit_each_factor"]

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


@dataclass(frozen=True)
class BoostedTrees:
    """A fitted classifier of S stages with T trees each: T = 1 for two classes, T = K for K > 2.

    Attributes:
        classes: (K,) labels, ascending.
        prior: (T,) scores before the first stage.
        trees: of all stages.
        importances: (C,) mean reduction of squared error by each feature over the trees that split
            at all, divided by its sum; all 0 where no tree splits. Rounding can make a number of
            size 1e-17 negative.
    """

    classes: IntArray
    prior: Floats
    trees: Forest
    importances: Floats

    def scores(self, features: npt.ArrayLike) -> Floats:
        """Computes the scores of samples.

        Args:
            features: (n, C).

        Returns:
            (T, n) log-odds of the second class, or one score per class.

        Raises:
            ValueError: if the shape is not (n, C) or a number is not finite in single precision.
        """
        singles = _single_precision(features)
        if singles.shape[1] != self.importances.size:
            raise InputError(
                f"expected {self.importances.size} features as in fitting, got {singles.shape[1]}"
            )
        scores = np.repeat(self.prior[:, None], len(singles), axis=1)  # (T, n)
        with ThreadPoolExecutor(_num_cores()) as pool:
            _side_by_side(pool, _num_cores(), _add_trees, singles, self.trees, scores)
        return scores

    def predict(self, features: npt.ArrayLike) -> IntArray:
        """Predicts the labels (n,) of features (n, C); raises as `scores` does."""
        scores = self.scores(features)
        best = scores.argmax(axis=0) if len(scores) > 1 else (scores[0] >= 0).astype(np.int64)
        labels: IntArray = self.classes[best]
        return labels


def _num_cores() -> int:
    """Counts the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _side_by_side(
    pool: ThreadPoolExecutor, num: int, kernel: Callable[..., None], *arguments: object
) -> None:
    """Runs kernel(*arguments, num, worker) of workers 0..num-1 at the same time, to the end."""
    for _ in pool.map(partial(kernel, *arguments, num), range(num)):
        pass


def _single_precision(features: npt.ArrayLike) -> Singles:
    """Checks features and rounds them to single precision, as the trees compare them."""
    array = np.asarray(features)
    if array.ndim != 2 or array.size == 0:
        raise InputError(f"expected features of shape (n, C), none of them 0, got {array.shape}")
    with np.errstate(over="ignore"):
        singles = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(singles).all():
        raise InputError("expected features that are finite in single precision, got NaN or inf")
    return singles


@njit(nogil=True)
def _share(num: int, num_workers: int, worker: int) -> tuple[int, int]:
    """Gives a worker its part of 0..num-1, from the first number to below the second."""
    return num * worker // num_workers, num * (worker + 1) // num_workers


@njit(nogil=True)
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


@njit(nogil=True)
def _take_gradients(
    problem: Problem, scores: Floats, target: Floats, num_workers: int, worker: int
) -> None:
    """Fills target (T, n) for a worker's samples."""
    labels, first_tree = problem.labels, problem.first_tree
    a, b = _share(scores.shape[1], num_workers, worker)
    for j in range(labels.shape[0]):
        own = slice(first_tree[j], first_tree[j + 1])
        negative_gradients(scores[own], labels[j], target[own], a, b)


@njit(nogil=True)
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


def fit_each_factor(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    num_stages: int = 100,
    random_state: int = 0,
    num_threads: int | None = None,
) -> list[BoostedTrees]:
    """Fits a classifier for each of several sets of labels, all trees of a stage side by side.

    Args:
        features: (n, C), rounded to single precision.
        labels: (n, F) integers, in each column at least two different ones, with or without gaps.
        num_stages: number S of boosting stages, at least 1.
        random_state: orders the features, which decides between equally good splits; each column
            starts from it anew.
        num_threads: threads that share the work, all cores if None.

    Returns:
        F models, the same whatever the number of threads.

    Raises:
        ValueError: if a shape is wrong, a feature is not finite, or a column of labels has one
            value only.
    """
    singles = _single_precision(features)
    columns = np.asarray(labels)
    if columns.ndim != 2 or len(columns) != len(singles) or columns.dtype.kind not in "iu":
        raise InputError(
            f"expected integer labels of shape ({len(singles)}, F),"
            f" got {columns.dtype} of shape {columns.shape}"
        )
    encodings = [np.unique(column, return_inverse=True) for column in columns.T]
    for j, (classes, _) in enumerate(encodings):
        if len(classes) < 2:
            raise InputError(
                f"expected at least two classes in column {j} of the labels, got only {classes[0]};"
                " leave the column out"
            )
    if not encodings:
        return []
    encoded = np.array([codes for _, codes in encodings], dtype=np.int32)  # (F, n)
    num_trees = [1 if len(classes) == 2 else len(classes) for classes, _ in encodings]
    first_tree = np.concatenate([[0], np.cumsum(num_trees)]).astype(np.int64)  # (F + 1,)
    priors = [prior_scores(np.bincount(codes)) for codes in encoded]
    # scikit-learn draws the seeds (S, T) of each model's trees like this.
    draw = partial(np.random.RandomState, random_state)
    parts = [draw().randint(2**31 - 1, size=(num_stages, T), dtype=np.int64) for T in num_trees]
    seeds = np.concatenate(parts, axis=1)

    problem = Problem(sort_features(singles), encoded, first_tree)
    scores = np.repeat(np.concatenate(priors)[:, None], len(singles), axis=1)  # (T, n)
    target = np.empty_like(scores)
    shape = (*seeds.shape, NUM_NODES)
    trees = Forest(np.empty(shape, dtype=np.int32), np.zeros(shape), np.zeros(shape))
    reduction = np.empty((*seeds.shape, singles.shape[1]))  # (S, T, C)
    num = num_threads or _num_cores()
    with ThreadPoolExecutor(num) as pool:
        for s in range(num_stages):
            grown = Forest(trees.feature[s], trees.threshold[s], trees.value[s])
            stage = Stage(grown, seeds[s], reduction[s])
            _side_by_side(pool, num, _take_gradients, problem, scores, target)
            _side_by_side(pool, num, _grow_trees, problem, stage, target, scores)
    models = []
    for j, (classes, _) in enumerate(encodings):
        own = slice(first_tree[j], first_tree[j + 1])
        reductions = reduction[:, own][trees.feature[:, own, 0] >= 0] / len(singles)
        importances = reductions.mean(axis=0) if len(reductions) else np.zeros(singles.shape[1])
        if importances.any():
            importances /= importances.sum()
        forest = Forest(
            trees.feature[:, own].copy(), trees.threshold[:, own].copy(), trees.value[:, own].copy()
        )
        models.append(BoostedTrees(classes, priors[j], forest, importances))
    return models
