"""Latent traversals without a decoder: images of the data set stand in for decoded ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.errors import InputError

__all__ = ["NUM_VALUES", "TAIL", "Traversal", "ordinary_rows", "traverse"]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]

NUM_VALUES = 7
"""Pictures of a row."""

TAIL = 0.02
"""The share of codes beyond either end of a row."""


@dataclass(frozen=True, eq=False)
class Traversal:
    """A walk along one latent.

    Attributes:
        latent: which.
        values: (n,) the evenly spaced values that were looked for.
        rows: (n,) for each of them, the row of the code that came nearest.
    """

    latent: int
    values: FloatArray
    rows: IntArray


def ordinary_rows(codes: FloatArray, latents: npt.ArrayLike, num_rows: int) -> IntArray:
    """Finds the most ordinary codes: those nearest to the mean, in standard deviations.

    Args:
        codes: (N, C).
        latents: the latents that count; each must vary.
        num_rows: how many to find, or as many as there are.

    Returns:
        (num_rows,) their rows, the nearest first.
    """
    distances = np.zeros(len(codes))
    for latent in np.asarray(latents, dtype=np.int64):
        column = codes[:, latent].astype(np.float64)
        distances += ((column - column.mean()) / column.std()) ** 2
    order: IntArray = distances.argsort(kind="stable")[:num_rows]
    return order


def traverse(
    codes: FloatArray,
    latents: npt.ArrayLike,
    anchor: int,
    num_values: int = NUM_VALUES,
    tail: float = TAIL,
) -> list[Traversal]:
    """Walks along each latent in turn, the others held near those of an anchor.

    The point looked for is the anchor's code with one latent set to a new value. The code taken is
    the nearest to it in Euclidean distance, of equally near ones the first. The latent of the walk
    is measured in half steps of the walk, the others in their standard deviations; latents that are
    walked along in no row do not count.

    Args:
        codes: (N, C).
        latents: the latents to walk along, each of which must vary.
        anchor: row of the anchor.
        num_values: values per latent, at least 2.
        tail: the values run from this quantile of the latent to one minus it.

    Returns:
        one walk for each latent, in the given order.

    Raises:
        ValueError: if a latent is constant, or there are fewer than 2 values.
    """
    chosen = np.asarray(latents, dtype=np.int64)
    if num_values < 2:
        raise InputError(f"expected at least 2 values, got {num_values}")
    stds = codes[:, chosen].std(axis=0, dtype=np.float64)
    if (stds == 0).any():
        raise InputError(
            f"expected latents that vary, got the constant {chosen[stds == 0].tolist()}; leave "
            "them out"
        )
    offsets = ((codes[:, chosen] - codes[anchor, chosen]) / stds) ** 2  # (N, K)
    total = offsets.sum(axis=1)
    walks = []
    for place, latent in enumerate(chosen):
        column = codes[:, latent].astype(np.float64)
        low, high = np.quantile(column, [tail, 1 - tail])
        values = np.linspace(low, high, num_values)
        others = total - offsets[:, place]
        half = (high - low) / (num_values - 1) / 2 or stds[place]
        rows = [int((others + ((column - v) / half) ** 2).argmin()) for v in values]
        walks.append(Traversal(int(latent), values, np.array(rows, dtype=np.int64)))
    return walks
