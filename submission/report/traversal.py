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
"""Values along a traversal."""

TAIL = 0.02
"""Share of the codes beyond either end of a traversal."""


@dataclass(frozen=True, eq=False)
class Traversal:
    """A path along one latent.

    Attributes:
        latent: its number.
        values: (n,) evenly spaced values of the latent.
        rows: (n,) for each value, the row of the nearest code.
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


def traverse(codes: FloatArray, latents: npt.ArrayLike, anchor: int) -> list[Traversal]:
    """Goes along each latent in turn, the others held near those of an anchor.

    A target is the anchor's code c with latent j set to a value v. The values are `NUM_VALUES`
    evenly spaced ones between the `TAIL` and the 1 - `TAIL` quantile of the latent. The code x
    that is taken minimises ((x_j - v) / h)^2 + sum over the other latents k of
    ((x_k - c_k) / s_k)^2, where h is half the distance between two values and s_k a standard
    deviation. Of equally near codes the first is taken. Latents that are not traversed do not
    count.

    Args:
        codes: (N, C).
        latents: the latents to go along; each must vary.
        anchor: row of the anchor.

    Returns:
        One traversal for each latent, in the given order.

    Raises:
        InputError: if a latent is constant.
    """
    chosen = np.asarray(latents, dtype=np.int64)
    stds = codes[:, chosen].std(axis=0, dtype=np.float64)
    constant = codes[:, chosen].min(axis=0) == codes[:, chosen].max(axis=0)
    if constant.any():
        raise InputError(
            f"expected latents that vary, got the constant {chosen[constant].tolist()}; leave "
            "them out"
        )
    offsets = ((codes[:, chosen] - codes[anchor, chosen]) / stds) ** 2  # (N, K)
    total = offsets.sum(axis=1)
    found = []
    for place, latent in enumerate(chosen):
        column = codes[:, latent].astype(np.float64)
        low, high = np.quantile(column, [TAIL, 1 - TAIL])
        values = np.linspace(low, high, NUM_VALUES)
        others = total - offsets[:, place]
        half = (high - low) / (NUM_VALUES - 1) / 2 or stds[place]
        rows = [int((others + ((column - v) / half) ** 2).argmin()) for v in values]
        found.append(Traversal(int(latent), values, np.array(rows, dtype=np.int64)))
    return found
