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

import numpy as np
import numpy.typing as npt

from submission.console import progress_bar
from submission.errors import InputError
from submission.scoring.arrays import Floats, IntArray, Singles
from submission.scoring.trees.logloss import prior_scores
from submission.scoring.trees.stages import Forest, Problem, Stage, kernels
from submission.scoring.trees.trees import NUM_NODES, sort_features

__all__ = ["BoostedTrees", "fit_each_factor"]


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
            _side_by_side(pool, _num_cores(), kernels().add_trees, singles, self.trees, scores)
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


def fit_each_factor(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    num_stages: int = 100,
    random_state: int = 0,
) -> list[BoostedTrees]:
    """Fits a classifier for each of several sets of labels, all trees of a stage side by side.

    Args:
        features: (n, C), rounded to single precision.
        labels: (n, F) integers, in each column at least two different ones, with or without gaps.
        num_stages: number S of boosting stages, at least 1.
        random_state: orders the features, which decides between equally good splits; each column
            starts from it anew.

    Returns:
        F models, the same whatever the number of cores.

    Raises:
        ValueError: if a shape is wrong, a feature is not finite, or a column of labels has one
            value only.
    """
    singles = _single_precision(features)
    encodings = _encodings(labels, len(singles))
    if not encodings:
        return []
    num_trees = [1 if len(classes) == 2 else len(classes) for classes, _ in encodings]
    # scikit-learn draws the seeds (S, T) of each model's trees like this.
    draw = partial(np.random.RandomState, random_state)
    parts = [draw().randint(2**31 - 1, size=(num_stages, T), dtype=np.int64) for T in num_trees]
    problem = Problem(
        sort_features(singles),
        np.array([codes for _, codes in encodings], dtype=np.int32),  # (F, n)
        np.concatenate([[0], np.cumsum(num_trees)]).astype(np.int64),  # (F + 1,)
    )
    priors = [prior_scores(np.bincount(codes)) for _, codes in encodings]
    scores = np.repeat(np.concatenate(priors)[:, None], len(singles), axis=1)  # (T, n)
    trees, reduction = _grown(problem, scores, np.concatenate(parts, axis=1))
    models = []
    for j, (classes, _) in enumerate(encodings):
        own = slice(problem.first_tree[j], problem.first_tree[j + 1])
        reductions = reduction[:, own][trees.feature[:, own, 0] >= 0] / len(singles)
        importances = reductions.mean(axis=0) if len(reductions) else np.zeros(singles.shape[1])
        if importances.any():
            importances /= importances.sum()
        forest = Forest(
            trees.feature[:, own].copy(), trees.threshold[:, own].copy(), trees.value[:, own].copy()
        )
        models.append(BoostedTrees(classes, priors[j], forest, importances))
    return models


def _encodings(labels: npt.ArrayLike, num_samples: int) -> list[tuple[IntArray, IntArray]]:
    """Checks labels; gives each column's classes (K,) and codes (n,), numbers of classes."""
    columns = np.asarray(labels)
    if columns.ndim != 2 or len(columns) != num_samples or columns.dtype.kind not in "iu":
        raise InputError(
            f"expected integer labels of shape ({num_samples}, F),"
            f" got {columns.dtype} of shape {columns.shape}"
        )
    encodings = [np.unique(column, return_inverse=True) for column in columns.T]
    for j, (classes, _) in enumerate(encodings):
        if len(classes) < 2:
            raise InputError(
                f"expected at least two classes in column {j} of the labels, got only {classes[0]};"
                " leave the column out"
            )
    return encodings


def _grown(problem: Problem, scores: Floats, seeds: IntArray) -> tuple[Forest, Floats]:
    """Grows all trees, of seeds (S, T), on the scores (T, n), which it changes.

    The second result is each tree's reduction of squared error by each feature, (S, T, C).
    """
    target = np.empty_like(scores)
    shape = (*seeds.shape, NUM_NODES)
    trees = Forest(np.empty(shape, dtype=np.int32), np.zeros(shape), np.zeros(shape))
    reduction = np.empty((*seeds.shape, len(problem.data.order)))
    num, num_factors = _num_cores(), len(problem.labels)
    with (
        ThreadPoolExecutor(num) as pool,
        progress_bar(len(seeds), f"trees of {num_factors} factors", " stages") as bar,
    ):
        for s in range(len(seeds)):
            grown = Forest(trees.feature[s], trees.threshold[s], trees.value[s])
            stage = Stage(grown, seeds[s], reduction[s])
            _side_by_side(pool, num, kernels().take_gradients, problem, scores, target)
            _side_by_side(pool, num, kernels().grow_trees, problem, stage, target, scores)
            bar.update()
    return trees, reduction
