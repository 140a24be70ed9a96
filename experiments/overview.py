"""The README's picture: the domains, the way of an image, and the latents that a run found."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from submission.data.standin.render import render_images
from submission.data.standin.scene import standin_space
from submission.report.figures import INK, SHADES, outline_largest, sheet_of
from submission.scoring.arrays import FloatArray

__all__ = ["draw_overview"]


DOMAINS = {
    "standin_toy": "simulated, labelled",
    "standin_realistic": "simulated, labelled",
    "standin_real": "the data set, no labels",
}
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
    """Draws three panels beside each other.

    Args:
        importances: (C, F) DCI's importance of each latent for each factor, 0 to 1.
        latents: C names.
        factors: F names.

    Returns:
        a PNG file.
    """
    with sheet_of(9.6, 3.4, "", 3) as sheet:
        images, way, matrix = sheet.panels
        _draw_domains(images)
        _draw_way(way)
        _draw_matrix(matrix, importances, latents, factors)
    return sheet.png


def _draw_domains(axes: Axes) -> None:
    """Shows the same factor values in each domain, a domain a row."""
    space = standin_space()
    rows = [np.concatenate(render_images(name, space, EXAMPLES), axis=1) for name in DOMAINS]
    picture = np.concatenate(rows)
    axes.imshow(picture)
    for number, (name, note) in enumerate(DOMAINS.items()):
        axes.text(-4, 64 * number + 32, f"{name}\n{note}", ha="right", va="center", fontsize=7)
    axes.set_title("images", loc="left", fontsize=8)
    axes.axis("off")


def _draw_way(axes: Axes) -> None:
    """Shows the steps from the image to the code, one below the other."""
    for number, (step, note) in enumerate(WAY):
        top = 1 - 0.2 * number
        axes.add_patch(Rectangle((0.05, top - 0.14), 0.9, 0.13, facecolor="#e8eef4"))
        axes.text(0.5, top - 0.055, step, ha="center", va="center", color=INK, weight="bold")
        axes.text(0.5, top - 0.11, note, ha="center", va="center", color=INK, fontsize=6.5)
        if number:
            arrow = {"arrowstyle": "->", "color": INK}
            axes.annotate("", (0.5, top - 0.01), (0.5, top + 0.06), arrowprops=arrow)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_title("method", loc="left", fontsize=8)
    axes.axis("off")


def _draw_matrix(
    axes: Axes,
    importances: FloatArray,
    latents: Sequence[str],
    factors: Sequence[str],
) -> None:
    """Shows which latent tells which factor; the largest of a factor is outlined."""
    axes.imshow(importances, cmap=SHADES, vmin=0, vmax=1)
    outline_largest(axes, importances)
    axes.set_xticks(range(len(factors)), factors, rotation=52, ha="right", color=INK, fontsize=7)
    axes.set_yticks(range(len(latents)), latents, color=INK, fontsize=7)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("result: importance of a latent for a factor", loc="left", fontsize=8)
