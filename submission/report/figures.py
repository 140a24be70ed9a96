"""Charts as PNG files in memory; matplotlib's own state does not change."""

import io
import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from submission.scoring.arrays import FloatArray, IntArray
from submission.scoring.best_latents import best_latents

__all__ = [
    "BLUE",
    "FAINT",
    "INK",
    "MUTED",
    "ORANGE",
    "RESOLUTION",
    "SHADES",
    "WIDE",
    "draw_confusion",
    "draw_curve",
    "draw_dependence",
    "draw_heat_map",
    "draw_histogram",
    "outline_largest",
    "sheet_of",
    "show_shares",
]


WIDE, NARROW, SMALL = 3.7, 2.9, 1.8
"""Inches; at a phone's width 8 points are then 11 pixels and more."""

LETTERS = 12
"""Of a title, in an inch."""

TAIL = 0.002
RESOLUTION = 190
INK, MUTED, FAINT = "#1d2733", "#5c6876", "#d5dbe2"
BLUE, ORANGE = "#2f6ea8", "#c45a11"
SHADES = "Blues"  # one hue from light to dark, so any kind of sight and a grey print order it


class _Sheet:
    """A figure with axes beside each other, and its bytes once the drawing is done."""

    def __init__(self, width: float, height: float, num_panels: int) -> None:
        self.figure = Figure(figsize=(width, height), dpi=RESOLUTION, layout="constrained")
        FigureCanvasAgg(self.figure)
        self.panels: list[Axes] = [
            self.figure.add_subplot(1, num_panels, number + 1) for number in range(num_panels)
        ]
        self.png = b""

    @property
    def axes(self) -> Axes:
        """The first panel."""
        return self.panels[0]


@contextmanager
def sheet_of(width: float, height: float, title: str, num_panels: int = 1) -> Iterator[_Sheet]:
    """Yields a sheet of a size in inches; the user's own matplotlib settings do not change it."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "font.size": 8,
                "text.color": INK,
                "axes.edgecolor": FAINT,
                "axes.labelcolor": MUTED,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "figure.titlesize": 9,
                "figure.titleweight": "bold",
                "xtick.color": FAINT,
                "ytick.color": FAINT,
                "xtick.labelcolor": MUTED,
                "ytick.labelcolor": MUTED,
            }
        )
        sheet = _Sheet(width, height, num_panels)
        lines = textwrap.fill(title, round(LETTERS * width))
        sheet.figure.suptitle(lines, x=0.01, ha="left")
        yield sheet
        buffer = io.BytesIO()
        sheet.figure.savefig(buffer, format="png", metadata={"Software": None})
        sheet.png = buffer.getvalue()


def outline_largest(axes: Axes, values: FloatArray) -> None:
    """Outlines the largest entry of each column of a shown matrix (C, F), if there is one."""
    for column, row in enumerate(best_latents(values).tolist()):
        if row >= 0:
            place = (column - 0.5, row - 0.5)
            axes.add_patch(Rectangle(place, 1, 1, fill=False, edgecolor=ORANGE, lw=1.4))


def show_shares(axes: Axes, counts: IntArray) -> None:
    """Shows each cell's share of its row of (size, size) counts, from white (0) to dark (1)."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1, interpolation="nearest")


def _print_number(
    axes: Axes,
    cell: tuple[float, float],
    value: float,
    small: str = INK,
    fontsize: float | None = None,
) -> None:
    """Prints a number in its cell of a matrix: white on dark shades, else in a colour for it."""
    axes.text(
        *cell,
        f"{value:z.2f}",
        ha="center",
        va="center",
        fontsize=fontsize,
        color="white" if value > 0.55 else small,
        in_layout=False,
    )


def draw_heat_map(
    values: FloatArray, rows: Sequence[str], columns: Sequence[str], title: str
) -> bytes:
    """Draws a matrix, each number printed in its cell.

    Shades go from 0 to 1; numbers beyond have the shade of the end. The largest entry of each
    column is outlined.

    Args:
        values: (C, F).
        rows: C labels.
        columns: F labels.
        title: above it.
    """
    num_rows, num_columns = values.shape
    with sheet_of(WIDE, 0.235 * num_rows + 1.25, title) as sheet:
        axes = sheet.axes
        axes.imshow(values, cmap=SHADES, vmin=0, vmax=1, aspect="auto")
        for row in range(num_rows):
            for column in range(num_columns):
                value = float(values[row, column])
                _print_number(axes, (column, row), value, small=INK if value >= 0.1 else MUTED)
        outline_largest(axes, values)
        axes.set_xticks(range(num_columns), columns, rotation=52, ha="left", color=INK)
        axes.set_yticks(range(num_rows), rows, color=INK)
        axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        axes.spines[:].set_visible(False)
    return sheet.png


def draw_dependence(values: FloatArray, labels: Sequence[str], title: str) -> bytes:
    """Draws a symmetric matrix of latents by latents, with shades from 0 to 1.

    Off the diagonal, numbers from 0.01 on are printed in their cells.

    Args:
        values: (C, C).
        labels: C labels.
        title: above it.
    """
    C = len(values)
    with sheet_of(WIDE, WIDE, title) as sheet:
        axes = sheet.axes
        shown = np.where(np.eye(C, dtype=bool), np.nan, values)
        axes.imshow(shown, cmap=SHADES, vmin=0, vmax=1)
        for row, column in zip(*np.nonzero(shown >= 0.01), strict=True):
            value = float(values[row, column])
            _print_number(axes, (column, row), value, fontsize=8 if C < 10 else 5)
        axes.set_xticks(range(C), labels, color=INK, fontsize=8 if C < 10 else 6)
        axes.set_yticks(range(C), labels, color=INK)
        axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    return sheet.png


def draw_confusion(counts: IntArray) -> bytes:
    """Draws a confusion matrix: rows are true values, columns the values that are read.

    The shade of a cell is its share of the row, from 0 (white) to 1 (dark).

    Args:
        counts: (size, size).
    """
    size = len(counts)
    with sheet_of(SMALL, SMALL, "") as sheet:
        axes = sheet.axes
        show_shares(axes, counts)
        axes.set_xlabel("value read")
        axes.set_ylabel("true value")
        ticks = np.unique(np.linspace(0, size - 1, size if size <= 6 else 4).round())
        axes.set_xticks(ticks)
        axes.set_yticks(ticks)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(True)
    return sheet.png


def draw_histogram(values: FloatArray, marks: FloatArray, title: str) -> bytes:
    """Draws how a latent's values are distributed, with the standard normal density over it.

    The axis holds all values but a share of `TAIL` at either end; the outermost bars hold those.

    Args:
        values: (n,).
        marks: where to put a triangle on the axis: the latent's modes.
        title: above it.
    """
    low, high = np.quantile(values.astype(np.float64), [TAIL, 1 - TAIL])
    margin = (high - low) / 8 or 1.0  # nearly all codes may have one value
    edges = np.linspace(low - margin, high + margin, 81)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    density = counts / len(values) / (edges[1] - edges[0])
    middles = (edges[1:] + edges[:-1]) / 2
    prior = np.exp(-(middles**2) / 2) / math.sqrt(2 * math.pi)
    with sheet_of(NARROW, 1.4, title) as sheet:
        axes = sheet.axes
        axes.stairs(density, edges, fill=True, color=BLUE, alpha=0.75)
        axes.plot(middles, prior, color=ORANGE, lw=1.5)
        axes.plot(marks, np.zeros(len(marks)), "^", color=INK, ms=4, clip_on=False)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.spines["left"].set_visible(False)
    return sheet.png


def draw_curve(steps: Sequence[int], values: Sequence[float], title: str, label: str) -> bytes:
    """Draws how a number of the training went, its last value in the title.

    Args:
        steps: where it was taken.
        values: as many.
        title: above it.
        label: what a step is.
    """
    with sheet_of(NARROW, 2.0, f"{title}, last {values[-1]:.4g}") as sheet:
        axes = sheet.axes
        axes.plot(steps, values, color=BLUE, lw=1.6, marker="." if len(steps) < 12 else "")
        axes.set_xlabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="y", color="#eef1f4")
        axes.set_axisbelow(True)
    return sheet.png
