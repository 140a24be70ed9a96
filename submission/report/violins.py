"""Each latent against each factor as a PNG file: a violin for every value of the factor."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection

from submission.report.figures import BLUE, FAINT, INK, MUTED, ORANGE, sheet_of
from submission.scoring.arrays import FloatArray, IntArray

__all__ = ["NUM_LEVELS", "draw_violins", "shares_by_value"]


NUM_LEVELS = 48
"""Levels of the latent at which the width of a violin is measured."""

TAIL = 0.002
"""Share of the codes beyond either end of a panel; they are counted at the end."""

GREY = "#aeb8c2"
WIDTH, HEIGHT, LEAST_WIDTH = 1.2, 0.72, 8.4
"""Inches of a panel, and least width of all panels."""

MARGIN = 0.06
"""Free share of a panel on each side."""


def shares_by_value(levels: IntArray, factor: IntArray, size: int) -> FloatArray:
    """Counts how a latent is distributed for each value of a factor.

    Args:
        levels: (n,) level of the latent, from 0 to below `NUM_LEVELS`.
        factor: (n,) values from 0 to size - 1.
        size: number of values.

    Returns:
        (size, NUM_LEVELS), each row smoothed over three levels and divided by its maximum. A value
        that does not occur has zeros.

    Example:
        >>> shares = shares_by_value(np.array([5, 5, 9]), np.array([0, 0, 1]), size=2)
        >>> shares.argmax(axis=1).tolist()
        [5, 9]
    """
    counts = np.bincount(factor * NUM_LEVELS + levels, minlength=size * NUM_LEVELS)
    counts = counts.reshape(size, NUM_LEVELS)
    padded = np.pad(counts, ((0, 0), (1, 1)))
    smooth = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    shares: FloatArray = smooth / np.maximum(smooth.max(axis=1, keepdims=True), 1)
    return shares


def _draw_panel(
    axes: Axes, place: tuple[int, int], heights: FloatArray, factor: IntArray, color: str
) -> None:
    """Draws the violins of all values of a factor (n,), and the mean of each.

    Args:
        axes: whose unit is a panel.
        place: column and row of the panel.
        heights: (n,) latent, from 0 at the bottom of the panel to 1 at the top.
        factor: (n,) values from 0.
        color: of the violins.
    """
    size = int(factor.max()) + 1
    inner = 1 - 2 * MARGIN
    bottom = place[1] + 1 - MARGIN  # y points down
    x = place[0] + MARGIN + inner * (np.arange(size) + 0.5) / size  # (size,)
    y = bottom - inner * (np.arange(NUM_LEVELS) + 0.5) / NUM_LEVELS
    levels = np.minimum((heights * NUM_LEVELS).astype(np.int64), NUM_LEVELS - 1)
    half = inner * 0.46 / size * shares_by_value(levels, factor, size)
    sides = np.concatenate([x[:, None] - half, (x[:, None] + half)[:, ::-1]], axis=1)
    outlines = np.stack([sides, np.tile(np.concatenate([y, y[::-1]]), (size, 1))], axis=2)
    axes.add_collection(PolyCollection(list(outlines), facecolors=color, lw=0))
    counts = np.maximum(np.bincount(factor, minlength=size), 1)
    means = bottom - inner * np.bincount(factor, heights, size) / counts
    reach = inner * 0.42 / size
    lines = [[(a - reach, m), (a + reach, m)] for a, m in zip(x, means, strict=True)]
    axes.add_collection(LineCollection(lines, colors=ORANGE, lw=1.1))


def draw_violins(
    codes: FloatArray,
    factors: IntArray,
    latents: Mapping[int, int],
    names: Sequence[str],
) -> bytes:
    """Draws a panel for each latent (row) and factor (column).

    Args:
        codes: (n, C).
        factors: (n, F) whole numbers from 0.
        latents: the latents to draw, from top to bottom, and for each the place of the factor whose
            panel is drawn in blue, or -1.
        names: F names.
    """
    F = factors.shape[1]
    sizes = factors.max(axis=0) + 1
    with sheet_of(max(WIDTH * F, LEAST_WIDTH) + 0.5, HEIGHT * len(latents) + 0.6, "") as sheet:
        axes = sheet.axes
        for row, (latent, followed) in enumerate(latents.items()):
            column = codes[:, latent].astype(np.float64)
            low, high = np.quantile(column, [TAIL, 1 - TAIL])
            heights = np.clip((column - low) / max(high - low, 1e-12), 0, 1)
            for place in range(F):
                color = BLUE if place == followed else GREY
                _draw_panel(axes, (place, row), heights, factors[:, place], color)
        axes.set_xlim(0, F)
        axes.set_ylim(len(latents), 0)
        axes.hlines(range(len(latents) + 1), 0, F, color=FAINT, lw=0.7)
        axes.vlines(range(F + 1), 0, len(latents), color=FAINT, lw=0.7)
        labels = [
            "\n".join([name.replace(" ", "\n", 1), f"0 … {size - 1}"])
            for name, size in zip(names, sizes, strict=True)
        ]
        axes.set_xticks(np.arange(F) + 0.5, labels, color=INK)
        axes.set_yticks(np.arange(len(latents)) + 0.5, [f"z{c}" for c in latents], color=INK)
        axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        axes.tick_params(axis="x", labelcolor=MUTED)
        axes.spines[:].set_visible(False)
    return sheet.png
