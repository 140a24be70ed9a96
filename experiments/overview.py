"""The README's picture: the domains, the way of an image, and the latents that a run found."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from submission.data.standin.render import render_images
from submission.data.standin.scene import standin_space
from submission.report.figures import INK, MUTED, SHADES, WIDE, outline_largest, sheet_of
from submission.scoring.arrays import FloatArray

__all__ = ["draw_overview"]


DOMAINS = {
    "standin_toy": "simulated, labelled",
    "standin_realistic": "simulated, labelled",
    "standin_real": "the data set, no labels",
}
LINES = 44
"""Room for two lines of text above a row of images, in pixels of these."""

EXAMPLES = ((3, 1, 1, 0, 0, 8, 30), (1, 0, 1, 1, 2, 30, 12), (4, 5, 1, 2, 1, 20, 5))
"""Factor values of the images of a row, in the order of MPI3D's factors."""

WAY = (
    ("image", "64 x 64 RGB"),
    ("VGG19-BN", "finetuned on the simulations"),
    ("learned aggregation", "2 x 2 x 512 numbers to 512"),
    ("beta-VAE", "trained on the features alone"),
    ("code", "a latent for each factor"),
)


def draw_overview(importances: FloatArray, latents: Sequence[str], factors: Sequence[str]) -> bytes:
    """Draws three panels, as wide as a phone: images and method, and below them the result.

    Args:
        importances: (C, F) DCI's importance of each latent for each factor, 0 to 1.
        latents: C names.
        factors: F names.

    Returns:
        a PNG file.
    """
    with sheet_of(WIDE, 5.9, "", num_panels=0) as sheet:
        above, below = sheet.figure.subfigures(2, 1, squeeze=False, height_ratios=[1.25, 1])[:, 0]
        _draw_domains(above.add_subplot(1, 2, 1))
        _draw_way(above.add_subplot(1, 2, 2))
        _draw_matrix(below.subplots(), importances, latents, factors)
    return sheet.png


def _draw_domains(axes: Axes) -> None:
    """Shows the same factor values in each domain, a domain a row below its name."""
    space = standin_space()
    strips = [np.concatenate(render_images(name, space, EXAMPLES), axis=1) for name in DOMAINS]
    height, width = strips[0].shape[:2]
    for number, ((name, note), strip) in enumerate(zip(DOMAINS.items(), strips, strict=True)):
        top = number * (height + LINES)
        axes.imshow(strip, extent=(0, width, top + height, top))
        axes.text(0, top - 0.55 * LINES, name, va="bottom", color=INK, weight="bold")
        axes.text(0, top - 0.08 * LINES, note, va="bottom", color=INK, fontsize=7.5)
    axes.set_xlim(0, width)
    axes.set_ylim(len(strips) * (height + LINES) - LINES, -LINES)
    axes.set_title("images", loc="left", fontsize=9, color=MUTED)
    axes.axis("off")


def _draw_way(axes: Axes) -> None:
    """Shows the steps from the image to the code, one below the other."""
    for number, (step, note) in enumerate(WAY):
        top = 1 - 0.2 * number
        axes.add_patch(Rectangle((0, top - 0.14), 1, 0.13, facecolor="#e8eef4"))
        axes.text(0.5, top - 0.05, step, ha="center", va="center", color=INK, weight="bold")
        axes.text(0.5, top - 0.105, note, ha="center", va="center", color=INK, fontsize=7.5)
        if number:
            arrow = {"arrowstyle": "->", "color": INK}
            axes.annotate("", (0.5, top - 0.01), (0.5, top + 0.06), arrowprops=arrow)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_title("method", loc="left", fontsize=9, color=MUTED)
    axes.axis("off")


def _draw_matrix(
    axes: Axes,
    importances: FloatArray,
    latents: Sequence[str],
    factors: Sequence[str],
) -> None:
    """Shows which latent tells which factor; the largest of a factor is outlined."""
    axes.imshow(importances, cmap=SHADES, vmin=0, vmax=1, aspect="auto")
    outline_largest(axes, importances)
    axes.set_xticks(range(len(factors)), factors, rotation=35, ha="right", color=INK)
    axes.set_yticks(range(len(latents)), latents, color=INK)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    title = "result: importance of a latent for a factor"
    axes.set_title(title, loc="left", fontsize=9, color=MUTED)
