"""What a factor's latent alone says of the factor's value."""

from dataclasses import dataclass

import numpy as np

from submission.scoring.arrays import FloatArray, IntArray

__all__ = ["Confusion", "read_by_all", "read_by_tree"]


LEAVES_PER_VALUE = 2

NUM_TREES = 30
MOST_READ = 10_000
"""Images that all latents together are read from; half of them to learn."""


@dataclass(frozen=True, eq=False)
class Confusion:
    """How a factor is read from one latent.

    Attributes:
        factor: its name.
        latent: the latent that it is read from.
        counts: (size, size) numbers of images, row: true value, column: value read.

    Example:
        >>> Confusion("shape", latent=0, counts=np.array([[8, 2], [0, 10]])).accuracy
        0.9
    """

    factor: str
    latent: int
    counts: IntArray

    @property
    def accuracy(self) -> float:
        """Share of the images whose value is read right."""
        return float(np.trace(self.counts) / self.counts.sum())


def read_by_tree(values: FloatArray, truth: IntArray) -> IntArray:
    """Reads a factor from one latent with a small decision tree.

    The tree learns from a random half of the images and reads the other half. It has at most
    `LEAVES_PER_VALUE` leaves for each value of the factor, so that the values need no order along
    the latent.

    Args:
        values: (n,) of the latent.
        truth: (n,) values of the factor, whole numbers from 0.

    Returns:
        (size, size) counts, row: true value, column: value read.

    Example:
        >>> truth = np.arange(300) % 3
        >>> counts = read_by_tree(np.array([0.0, 5.0, 1.0])[truth], truth)
        >>> int(np.trace(counts)), int(counts.sum())
        (150, 150)
    """
    from sklearn.tree import DecisionTreeClassifier

    first, second = _halves(len(values), len(values))
    size = int(truth.max()) + 1
    tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES_PER_VALUE * size, random_state=0)
    tree.fit(values[first, None], truth[first])
    read = tree.predict(values[second, None])
    pairs = np.bincount(truth[second] * size + read, minlength=size * size)
    return pairs.reshape(size, size)


def read_by_all(codes: FloatArray, factors: IntArray) -> FloatArray:
    """Reads each factor from all latents with randomised trees.

    The trees learn from some random images and read as many others. So their accuracy tells
    whether the latents carry a factor, also on a grid that has fewer points than DCI draws.

    Args:
        codes: (n, C), a row for each image.
        factors: (n, F) values, whole numbers from 0.

    Returns:
        (F,) shares of the images that are read right.

    Example:
        >>> factors = np.indices((3, 4, 20)).reshape(3, -1).T[:, :2]
        >>> read_by_all(factors * 1.0, factors).tolist()
        [1.0, 1.0]
    """
    from sklearn.ensemble import ExtraTreesClassifier

    first, second = _halves(len(codes), MOST_READ)
    trees = ExtraTreesClassifier(NUM_TREES, random_state=0)
    accuracies = [
        trees.fit(codes[first], truth[first]).score(codes[second], truth[second])
        for truth in factors.T
    ]
    return np.array(accuracies)


def _halves(num_rows: int, most: int) -> tuple[IntArray, IntArray]:
    """Draws two sets of at most `most` rows together, without overlap."""
    order = np.random.default_rng(0).permutation(num_rows)[:most]
    return order[: len(order) // 2], order[len(order) // 2 :]
