"""The report's pictures of an experiment, each with a file name and a description in words."""

import base64
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from submission.report.confusions import Confusion
from submission.report.figures import (
    draw_confusion,
    draw_curve,
    draw_dependence,
    draw_heat_map,
    draw_histogram,
)
from submission.report.matrices import Matrix
from submission.report.modes import Modes
from submission.report.subject import Curve
from submission.report.violins import draw_violins
from submission.scoring.arrays import FloatArray, IntArray
from submission.scoring.best_latents import best_latents

__all__ = [
    "Picture",
    "confusion_pictures",
    "curves",
    "dependence_picture",
    "heat_maps",
    "histograms",
    "violins",
    "words_of",
]


CURVE_TITLES = {
    "loss": "Loss",
    "reconstruction_error": "Reconstruction error",
    "kl_divergence": "KL divergence",
    "beta": "Beta",
}


@dataclass(frozen=True)
class Picture:
    """A PNG file of the report.

    Attributes:
        name: of the file, without suffix.
        png: its bytes.
        words: what the picture shows, for readers who cannot see it.
        note: a sentence below it.
    """

    name: str
    png: bytes
    words: str
    note: str = ""

    @property
    def address(self) -> str:
        """The picture itself as the address of an image."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


def words_of(factor: str) -> str:
    """Writes a factor's name as words.

    Example:
        >>> words_of("object_color")
        'object color'
    """
    return factor.replace("_", " ")


def heat_maps(
    matrices: Sequence[Matrix],
    order: Sequence[int],
    labels: Sequence[str],
    factors: Sequence[str],
) -> list[Picture]:
    """Draws each matrix, latents in one order for all.

    Args:
        matrices: (C, F) each.
        order: the latents from top to bottom.
        labels: C names of latents, by their number.
        factors: F names of factors.
    """
    columns = [words_of(factor) for factor in factors]
    pictures = []
    for matrix in matrices:
        values = matrix.values[list(order)]
        best = ", ".join(
            f"{name} {labels[latent]} ({matrix.values[latent, place]:z.2f})"
            if latent >= 0
            else f"{name} none"
            for place, (name, latent) in enumerate(
                zip(columns, best_latents(matrix.values).tolist(), strict=True)
            )
        )
        pictures.append(
            Picture(
                f"matrix_{matrix.metric}",
                draw_heat_map(values, [labels[c] for c in order], columns, matrix.title),
                f"Heat map, latents by factors, {matrix.title}. Largest in each column: {best}.",
                f"{matrix.explanation} Entries here: {matrix.values.min():z.2f} to "
                f"{matrix.values.max():z.2f}.",
            )
        )
    return pictures


def dependence_picture(dependence: FloatArray, latents: Sequence[int]) -> Picture:
    """Draws how much latents tell about each other.

    Args:
        dependence: (C, C) of all latents, from 0 to 1.
        latents: at least two to show, in the order of the page.
    """
    shown = dependence[np.ix_(latents, latents)]
    a, b = max(itertools.combinations(range(len(latents)), 2), key=lambda pair: shown[pair])
    largest = f"Largest: z{latents[a]} and z{latents[b]}, {shown[a, b]:z.2f}."
    return Picture(
        "dependence",
        draw_dependence(shown, [f"z{latent}" for latent in latents], "Latent by latent"),
        f"Heat map, latents by latents, normalised mutual information. {largest}",
        "Mutual information of two latents as a share of the smaller entropy: 0 independent, 1 one "
        f"tells the other. {largest}",
    )


def violins(
    codes: FloatArray, factors: IntArray, followed: Mapping[int, int], names: Sequence[str]
) -> Picture:
    """Draws each latent against each factor.

    Args:
        codes: (n, C).
        factors: (n, F) whole numbers from 0.
        followed: the latents to draw, in order, and for each the place of the factor that it
            follows, or -1.
        names: F names of factors.
    """
    columns = [words_of(name) for name in names]
    follows = ", ".join(f"z{c} follows {columns[f]}" for c, f in followed.items() if f >= 0)
    return Picture(
        "violins",
        draw_violins(codes, factors, followed, columns),
        f"Violins of each latent for each value of each factor. {follows}.",
    )


def confusion_pictures(confusions: Sequence[Confusion]) -> list[Picture]:
    """Draws how each factor is read from its latent."""
    pictures = []
    for found in confusions:
        note = f"{words_of(found.factor)} by z{found.latent}: {found.accuracy:.3f}"
        png = draw_confusion(found.counts)
        pictures.append(
            Picture(f"confusion_{found.factor}", png, f"Confusion matrix, {note} right.", note)
        )
    return pictures


def histograms(
    codes: FloatArray, modes: Mapping[int, Modes], roles: Sequence[str]
) -> list[Picture]:
    """Draws each latent's values and modes against the prior.

    Args:
        codes: (n, C).
        modes: of each latent to draw, in the order of the page.
        roles: for each of the C latents the factor that it follows, in words.
    """
    pictures = []
    for latent, found in modes.items():
        count = len(found.centres)
        title = f"z{latent}: {roles[latent]}"
        words = (
            f"Histogram of latent z{latent}, {roles[latent]}, with {count} "
            f"mode{'s' if count > 1 else ''}, against the standard normal density."
        )
        png = draw_histogram(codes[:, latent], found.centres, title)
        pictures.append(Picture(f"latent_z{latent:02d}", png, words))
    return pictures


def curves(found: Mapping[str, Curve]) -> list[Picture]:
    """Draws how the training went, one chart per number."""
    pictures = []
    for name, (steps, values) in found.items():
        title = CURVE_TITLES.get(name, words_of(name))
        words = f"{title} by epoch: from {values[0]:.4g} to {values[-1]:.4g}."
        pictures.append(Picture(f"curve_{name}", draw_curve(steps, values, title, "epoch"), words))
    return pictures
