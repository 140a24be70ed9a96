"""Latent traversals without a decoder: images of the data set stand in for decoded ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from submission.report.modes import Modes
from submission.scoring.arrays import FloatArray, IntArray

__all__ = ["MOST_STEPS", "NUM_VALUES", "TAIL", "Traversal", "ordinary_rows", "traverse"]


NUM_VALUES = 7
"""Values along a latent with a single mode."""

TAIL = 0.02
"""Share of the codes beyond either end of such a latent's values."""

MOST_STEPS = 10
"""Pictures of a traversal; of more modes, evenly chosen ones are shown."""


@dataclass(frozen=True, eq=False)
class Traversal:
    """A path along one latent.

    Attributes:
        latent: its number.
        values: (n,) values of the latent that are asked for, ascending.
        rows: (n,) for each value, the row of the chosen code.
        misses: (n,) the largest distance of any latent of that code from what is asked, in the
            latent's standard deviations.
    """

    latent: int
    values: FloatArray
    rows: IntArray
    misses: FloatArray


def ordinary_rows(codes: FloatArray, modes: Mapping[int, Modes], num_rows: int) -> IntArray:
    """Finds the most ordinary codes: those in which each latent is near the centre of a mode.

    Args:
        codes: (n, C).
        modes: of each latent that counts; each must vary.
        num_rows: how many to find, or as many as there are.

    Returns:
        (num_rows,) their rows, the nearest first.

    Example:
        >>> codes = np.array([[0.0], [1.0], [4.0], [5.5]])
        >>> modes = {0: Modes(np.array([0.2, 5.0]), np.array([2.5]))}
        >>> ordinary_rows(codes, modes, 2).tolist()
        [0, 3]
    """
    distances = np.zeros(len(codes))
    for latent, found in modes.items():
        column = codes[:, latent].astype(np.float64)
        distances += ((column - found.centres[found.of(column)]) / column.std()) ** 2
    order: IntArray = distances.argsort(kind="stable")[:num_rows]
    return order


def traverse(codes: FloatArray, modes: Mapping[int, Modes], anchor: int) -> list[Traversal]:
    """Goes along each latent in turn, the others held in the modes of an anchor.

    One code is asked for at each mode of the latent. Of a latent with a single mode, `NUM_VALUES`
    evenly spaced values between the `TAIL` and the 1 - `TAIL` quantile are taken. Every other
    latent is asked to have the anchor's value, since a mode may hold several values of a factor.

    A code is chosen of those in the asked mode of the latent, or within half a step of the value if
    it has a single mode. It is the one with the fewest other latents outside the anchor's mode.
    Among equals it has the least sum over latents of (distance / std)^2, where half a step takes
    the place of std for the latent that is walked.

    Args:
        codes: (n, C).
        modes: of each latent to go along; each must vary. Other latents do not count.
        anchor: row of the anchor.

    Returns:
        One traversal for each latent, in the given order.

    Example:
        >>> codes = np.array([[0.0, 1.0], [0.1, 5.0], [5.0, 5.1], [5.0, 1.1]])
        >>> two = Modes(np.array([0.0, 5.0]), np.array([2.5]))
        >>> traverse(codes, {0: two, 1: two}, anchor=0)[0].rows.tolist()
        [0, 3]
    """
    latents = list(modes)
    used = codes[:, latents].astype(np.float64)  # (n, K)
    stds = used.std(axis=0)
    own = np.stack([modes[c].of(used[:, k]) for k, c in enumerate(latents)], axis=1)  # (n, K)
    asked = used[anchor]
    distances = ((used - asked) / stds) ** 2
    outside = own != own[anchor]
    distance, num_outside = distances.sum(axis=1), outside.sum(axis=1)
    found = []
    for place, latent in enumerate(latents):
        values = _values(modes[latent], used[:, place])
        half = float(np.diff(values).min()) / 2 or stds[place]
        rows = []
        others_outside = num_outside - outside[:, place]
        for value in values:
            elsewhere = own[:, place] != modes[latent].of(value)
            if len(modes[latent].centres) == 1:
                elsewhere = np.abs(used[:, place] - value) > half
            wrong = np.where(elsewhere, len(latents), others_outside)
            far = distance - distances[:, place] + ((used[:, place] - value) / half) ** 2
            rows.append(int(np.where(wrong == wrong.min(), far, np.inf).argmin()))
        targets = np.tile(asked, (len(values), 1))
        targets[:, place] = values
        misses = (np.abs(used[rows] - targets) / stds).max(axis=1)
        found.append(Traversal(latent, values, np.array(rows, dtype=np.int64), misses))
    return found


def _values(modes: Modes, column: FloatArray) -> FloatArray:
    """Chooses the values along a latent."""
    num_modes = len(modes.centres)
    if num_modes == 1:
        low, high = np.quantile(column, [TAIL, 1 - TAIL])
        values: FloatArray = np.linspace(low, high, NUM_VALUES)
    else:
        steps = np.linspace(0, num_modes - 1, min(num_modes, MOST_STEPS))
        values = modes.centres[steps.round().astype(int)]
    return values
