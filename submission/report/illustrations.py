"""The report's pictures of an experiment, each with a file name and a description in words."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from submission.report.carriers import Carrier
from submission.report.experiment import Curve
from submission.report.figures import draw_bars, draw_curve, draw_heat_map, draw_histogram
from submission.report.matrices import Matrix
from submission.scoring.code_table import CodeTable

__all__ = ["Picture", "bars", "curves", "heat_maps", "histograms", "words_of"]

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
    """Writes a factor's name as words."""
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
            f"{name} {labels[int(matrix.values[:, place].argmax())]} "
            f"({matrix.values[:, place].max():.2f})"
            for place, name in enumerate(columns)
        )
        pictures.append(
            Picture(
                f"matrix_{matrix.metric}",
                draw_heat_map(values, [labels[c] for c in order], columns, matrix.title),
                f"Heat map, latents by factors, {matrix.title}. Largest in each column: {best}.",
                matrix.explanation,
            )
        )
    return pictures


def bars(carriers: Sequence[Carrier]) -> list[Picture]:
    """Draws one small chart per measure, a bar for each factor."""
    measures = {
        "mig_gap": (
            "MIG gap",
            "Share of the factor's entropy in the best latent, minus the second's.",
        ),
        "sap_gap": ("SAP gap", "Linear accuracy of the best latent, minus the second."),
        "linear_accuracy": ("Linear accuracy, best latent", "Orange mark: what a guess gets."),
        "tree_accuracy": (
            "Boosted trees' accuracy, all latents",
            "Orange mark: what a guess gets.",
        ),
        "vote_accuracy": ("FactorVAE accuracy", "Share of votes that name the factor."),
        "completeness": ("DCI completeness", "1 where the trees need a single latent."),
    }
    labels = [words_of(carrier.factor) for carrier in carriers]
    pictures = []
    for field, (title, note) in measures.items():
        known = [getattr(carrier, field) for carrier in carriers]
        if not known or known[0] is None:
            continue
        marks = [carrier.chance for carrier in carriers] if "guess" in note else None
        numbers = ", ".join(
            f"{label} {value:.3f}" for label, value in zip(labels, known, strict=True)
        )
        png = draw_bars(known, labels, title, marks)
        pictures.append(Picture(f"bars_{field}", png, f"Bars, {title}: {numbers}.", note))
    return pictures


def histograms(
    table: CodeTable, order: Sequence[int], stds: Sequence[float], roles: Sequence[str]
) -> list[Picture]:
    """Draws each latent's values against the prior.

    Args:
        table: the codes.
        order: the latents in the order of the page.
        stds: C standard deviations.
        roles: for each latent the factor that it follows, in words.
    """
    return [
        Picture(
            f"latent_z{latent:02d}",
            draw_histogram(
                table.codes[:, latent], f"z{latent}: {roles[latent]}, std {stds[latent]:.2f}"
            ),
            f"Histogram of latent z{latent}, {roles[latent]}, standard deviation "
            f"{stds[latent]:.3f}, against the standard normal density.",
        )
        for latent in order
    ]


def curves(found: Mapping[str, Curve]) -> list[Picture]:
    """Draws how the training went, one chart per number."""
    pictures = []
    for name, (steps, values) in found.items():
        title = CURVE_TITLES.get(name, words_of(name))
        words = f"{title} by epoch: from {values[0]:.4g} to {values[-1]:.4g}."
        pictures.append(Picture(f"curve_{name}", draw_curve(steps, values, title, "epoch"), words))
    return pictures
