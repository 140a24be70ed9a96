"""Pictures of docs/results.md, as PNG files in memory.

Those that the page shows are as wide as a phone, so that their text can be read there.
"""

from collections.abc import Mapping, Sequence
from itertools import repeat
from statistics import mean, stdev

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from experiments.readings import Reading
from submission.report.figures import INK, MUTED, WIDE, sheet_of, show_shares

__all__ = ["draw_accuracies", "draw_confusions", "draw_errors", "draw_limits", "draw_scores"]

COLOURS = ("#2f6ea8", "#c45a11", "#5c6876", "#5b9a5a", "#8a5aa8", "#b08a2e")

NUM_SHOWN = 12
"""Images of a factor that show its errors."""


def draw_scores(
    scores: Mapping[str, Sequence[Mapping[str, float]]],
    goal: Mapping[str, float],
    names: Mapping[str, str],
    title: str,
    *,
    first_is_baseline: bool = False,
) -> bytes:
    """Draws for each metric a bar per row, with one standard deviation to either side.

    The name of a row stands above its bars.

    Args:
        scores: per row its trainings' scores.
        goal: per metric the score of perfect codes with noise, a dotted line.
        names: per metric how it is called, in the order of the panels.
        title: above it.
        first_is_baseline: whether all other rows are one change of the first, and of one colour.
    """
    fills = (COLOURS[0], *repeat(COLOURS[2], len(scores))) if first_is_baseline else COLOURS
    with sheet_of(WIDE, 0.8 + 0.38 * len(scores), title, len(names)) as sheet:
        for axes, (metric, name) in zip(sheet.panels, names.items(), strict=True):
            for place, (row, fill) in enumerate(zip(scores, fills, strict=False)):
                values = [training[metric] for training in scores[row]]
                spread = stdev(values) if len(values) > 1 else 0.0
                axes.barh(place, mean(values), xerr=spread, color=fill, ecolor=INK, height=0.45)
                axes.vlines(goal[metric], place - 0.3, place + 0.3, color=INK, lw=1, ls=":")
                inside = mean(values) > 0.5
                axes.text(
                    0.05 if inside else mean(values) + spread + 0.05,
                    place,
                    f"{mean(values):z.2f}",
                    va="center",
                    color="white" if inside else INK,
                    fontsize=7.5,
                    bbox={"facecolor": fill if inside else "white", "lw": 0, "pad": 0.6},
                )
                if axes is sheet.axes:
                    axes.text(0, place - 0.3, row, va="bottom", color=MUTED, in_layout=False)
            _frame(axes, name, [], [])
            axes.set_ylim(len(scores) - 0.7, -0.8)
    return sheet.png


def _frame(axes: Axes, name: str, places: Sequence[float], labels: Sequence[str]) -> None:
    """Gives a panel of bars its name, an axis from 0 to 1, and a label at each place."""
    axes.set_title(name, fontsize=8, loc="left")
    axes.set_xlim(0, 1.05)
    axes.set_xticks([0, 0.5, 1], ["0", "", "1"], fontsize=8)
    axes.set_yticks(places, labels)
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.invert_yaxis()
    axes.set_facecolor("none")  # the text of a panel may lie over the next one
    axes.spines["left"].set_visible(False)


def draw_limits(
    codes: Mapping[str, Mapping[str, Mapping[str, float]]], names: Mapping[str, str]
) -> bytes:
    """Draws what each factor adds to metrics, a bar per code.

    Args:
        codes: per code, factor and metric a number.
        names: per metric how it is called, in the order of the panels.
    """
    factors = list(next(iter(codes.values())))
    width = 0.8 / len(codes)
    height = 0.9 + 0.5 * len(factors) + 0.17 * len(codes)
    with sheet_of(WIDE, height, "What each factor adds", len(names)) as sheet:
        for axes, (metric, name) in zip(sheet.panels, names.items(), strict=True):
            for number, (code, fill) in enumerate(zip(codes, COLOURS, strict=False)):
                places = [place + number * width for place in range(len(factors))]
                values = [codes[code][factor][metric] for factor in factors]
                axes.barh(places, values, width, color=fill, label=code)
            labels = [factor.replace("_", " ") for factor in factors]
            middles = [place + 0.4 - width / 2 for place in range(len(factors))]
            _frame(axes, name, middles, labels if axes is sheet.axes else [""] * len(factors))
        handles, labels = sheet.axes.get_legend_handles_labels()
        sheet.figure.legend(handles, labels, fontsize=8, frameon=False, loc="outside lower left")
    return sheet.png


def draw_accuracies(accuracy: Mapping[str, Mapping[str, float]]) -> bytes:
    """Draws for each factor a bar per set of images, with percent to one decimal beside it.

    Args:
        accuracy: per set of images and factor, in [0, 1]; errors beside them are left out.
    """
    names = next(iter(accuracy.values()))
    factors = [name for name in names if not name.endswith("_error")]
    width = 0.8 / len(accuracy)
    height = 0.8 + 0.21 * len(factors) * len(accuracy)
    with sheet_of(WIDE, height, "Accuracy in % by factor and domain") as sheet:
        axes = sheet.axes
        for number, (images, colour) in enumerate(zip(accuracy, COLOURS, strict=False)):
            places = [place + number * width for place in range(len(factors))]
            lengths = [100 * accuracy[images][factor] for factor in factors]
            bars = axes.barh(places, lengths, width, color=colour, label=images.replace("_", " "))
            axes.bar_label(bars, fmt="%.1f", fontsize=8, color=INK, padding=2)
        middles = [place + 0.4 - width / 2 for place in range(len(factors))]
        axes.set_yticks(middles, [factor.replace("_", " ") for factor in factors])
        axes.set_xlim(0, 112)
        axes.set_xticks([0, 50, 100])
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        sheet.figure.legend(frameon=False, ncols=2, loc="outside lower left")
    return sheet.png


def draw_confusions(domain: str, readings: Sequence[Reading]) -> bytes:
    """Draws a matrix for each factor: rows are true values, columns the values that are read.

    A cell shows the share of its row, from white (0) to dark (1).

    Args:
        domain: name of the images' domain, for the title.
        readings: one for each factor.
    """
    title = f"{domain}: true value (row) and value that is read (column)"
    with sheet_of(1.5 * len(readings) + 0.4, 2.1, title, len(readings)) as sheet:
        for axes, reading in zip(sheet.panels, readings, strict=True):
            counts = reading.confusion
            show_shares(axes, counts)
            axes.set_title(f"{reading.factor}\n{100 * reading.accuracy:.1f} %", fontsize=7)
            step = max(1, len(counts) // 4)
            ticks = range(0, len(counts), step)
            axes.set_xticks(ticks)
            axes.set_yticks(ticks)
            axes.tick_params(labelsize=6, length=0)
    return sheet.png


def draw_errors(domain: str, images: npt.NDArray[np.uint8], readings: Sequence[Reading]) -> bytes:
    """Draws images that are read wrong, a row for each factor, the largest errors first.

    Above each image stand its true value and the value that is read.

    Args:
        domain: name of the images' domain, for the title.
        images: (N, H, W, 3) of the domain.
        readings: one for each factor.
    """
    height, width = images.shape[1:3]
    title = f"{domain}: largest errors, true value > value that is read"
    with sheet_of(8.0, 0.61 * len(readings) + 0.4, title) as sheet:
        canvas = np.full((len(readings) * height, NUM_SHOWN * width, 3), 255, np.uint8)
        for row, reading in enumerate(readings):
            for column, (number, true, read) in enumerate(reading.wrong[:NUM_SHOWN].tolist()):
                top, left = row * height, column * width
                canvas[top : top + height, left : left + width] = images[number]
                sheet.axes.text(
                    left + 2, top + 3, f"{true}>{read}", color="white", fontsize=5, va="top"
                )
        sheet.axes.imshow(canvas)
        middles = [(row + 0.5) * height for row in range(len(readings))]
        names = [reading.factor.replace("_", "\n") for reading in readings]
        sheet.axes.set_yticks(middles, names, fontsize=6)
        sheet.axes.set_xticks([])
        sheet.axes.tick_params(length=0)
    return sheet.png
