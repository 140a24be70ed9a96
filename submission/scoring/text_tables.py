"""Scores in rows and columns: aligned text, JSON and CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from submission.errors import InputError
from submission.scoring.aggregate import Spread
from submission.scoring.best_latents import best_latents
from submission.scoring.leaderboard import Standing
from submission.scoring.metrics.catalogue import ALL_METRICS, TITLES
from submission.scoring.results import Scores

__all__ = [
    "IRS_NOTE",
    "OTHER_IMAGES",
    "Row",
    "csv_table",
    "csv_text",
    "describe",
    "factor_table",
    "json_table",
    "metrics_of",
    "row_of_spreads",
    "standings_table",
    "text_table",
]

IRS_NOTE = (
    "IRS rewards heavy tails: pure Student-t noise scores about 0.95 with 2 degrees of freedom, "
    "0.86 with 3, and 0.51 with 10, where normal noise scores 0.35. Read it with the others."
)

OTHER_IMAGES = "other images, not comparable"
"""Stands beside scores that were measured on other images than those of the table."""

MUCH_KNOWN = 0.05
"""Share of DCI's test images that it was trained on, from which a line says so."""


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        name: what was scored.
        means: the number of each metric there is.
        stds: their standard deviations, where there are several scores.
        note: a few words that a reader must see beside the numbers.
    """

    name: str
    means: Mapping[str, float]
    stds: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


def row_of_spreads(name: str, spreads: Mapping[str, Spread]) -> Row:
    """Makes a row of several scores' means and spreads.

    Example:
        >>> row_of_spreads("mine", {"mig": Spread(mean=0.5, std=0.1, low=0.4, high=0.6)})
        Row(name='mine', means={'mig': 0.5}, stds={'mig': 0.1}, note='')
    """
    stds = {metric: spread.std for metric, spread in spreads.items()}
    return Row(
        name,
        {metric: spread.mean for metric, spread in spreads.items()},
        {metric: std for metric, std in stds.items() if std is not None},
    )


def text_table(rows: Sequence[Row]) -> str:
    """Lays rows out with aligned columns and three decimals, each row's note at its end.

    IRS is never shown without the note that says what it is worth.

    Raises:
        InputError: if there is no row.

    Example:
        >>> text_table([Row("mine", {"mig": 0.5})]).split()
        ['MIG', 'mine', '0.500']
    """
    if not rows:
        raise InputError("expected at least one row of scores")
    metrics = metrics_of(rows)
    cells = [[row.name, *(_cell(row, metric) for metric in metrics), row.note] for row in rows]
    lines = _aligned([["", *(TITLES[metric] for metric in metrics), ""], *cells])
    lines += [f"- {IRS_NOTE}"] if "irs" in metrics else []
    return "\n".join(lines) + "\n"


def json_table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Gives rows as plain data: name, then mean and standard deviation (or null) by metric.

    Example:
        >>> json_table([Row("mine", {"mig": 0.5})])
        [{'name': 'mine', 'mig': {'mean': 0.5, 'std': None}}]
    """
    return [
        {
            "name": row.name,
            **{
                metric: {"mean": row.means[metric], "std": row.stds.get(metric)}
                for metric in ALL_METRICS
                if metric in row.means
            },
        }
        for row in rows
    ]


def csv_table(rows: Sequence[Row]) -> str:
    """Gives rows as CSV at full precision: a column and a `_std` column for each metric.

    Example:
        >>> csv_table([Row("mine", {"mig": 0.5}, {"mig": 0.1})]).split()
        ['name,mig,mig_std', 'mine,0.5,0.1']
    """
    metrics = metrics_of(rows)
    lines = [["name", *(name for metric in metrics for name in (metric, f"{metric}_std"))]]
    for row in rows:
        numbers = [source.get(metric, "") for metric in metrics for source in (row.means, row.stds)]
        lines.append([row.name, *map(str, numbers)])
    return csv_text(lines)


def csv_text(lines: Iterable[Sequence[object]]) -> str:
    """Writes lines of cells as CSV.

    Example:
        >>> csv_text([["name", "mig"], ["mine", 0.5]]).split()
        ['name,mig', 'mine,0.5']
    """
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(lines)
    return file.getvalue()


def factor_table(scores: Scores) -> str:
    """Says for each factor which latent carries it, and how well, as text.

    Example:
        >>> from submission.factors import FactorSpace
        >>> from submission.scoring import score_table
        >>> space = FactorSpace(("shape", "size"), (3, 4))
        >>> codes = space.index_to_factors(range(12)) * 1.0
        >>> print(factor_table(score_table(codes, space, metrics=("mig",))), end="")
        factor  values  best latent  MIG gap
        shape   3       0            1.000
        size    4       1            1.000
        - best latent: tells most of the factor; it may tell more of another factor
    """
    columns: list[tuple[str, Iterable[Any], str]] = [
        ("factor", scores.factor_names, ""),
        ("values", scores.factor_sizes, "d"),
    ]
    if scores.mig is not None:
        best = best_latents(scores.mig.mutual_information).tolist()
        columns += [("best latent", ["none" if c < 0 else c for c in best], "")]
        columns += [("MIG gap", scores.mig.gap_per_factor, "z.3f")]
    if scores.sap is not None:
        columns += [("SAP accuracy", scores.sap.accuracies.max(axis=0), "z.3f")]
        columns += [("SAP gap", scores.sap.gap_per_factor, "z.3f")]
    if scores.dci is not None:
        columns += [("DCI accuracy", scores.dci.test_accuracy_per_factor, "z.3f")]
        columns += [("completeness", scores.dci.completeness_per_factor, "z.3f")]
    if scores.factor_vae is not None:
        columns += [("FactorVAE", scores.factor_vae.accuracy_per_factor, "z.3f")]
    cells = [[title, *(format(value, form) for value in each)] for title, each, form in columns]
    return "\n".join([*_aligned(list(zip(*cells, strict=True))), *_cautions(scores)]) + "\n"


def _cautions(scores: Scores) -> list[str]:
    """Says what a reader of the factors' table could take for more than it is."""
    lines = []
    if scores.mig is not None:
        lines += ["- best latent: tells most of the factor; it may tell more of another factor"]
        if (best_latents(scores.mig.mutual_information) < 0).any():
            lines += ["- none: no latent tells anything of the factor"]
    if scores.sap is not None:
        lines += ["- SAP accuracy: of a linear classifier that sees one latent, the best of them"]
    if scores.dci is not None and scores.kind == "table":
        # DCI draws its training and test points from the grid with replacement.
        known = 1 - (1 - 1 / scores.num_rows) ** scores.settings.dci.num_train
        if known >= MUCH_KNOWN:
            lines += [
                f"- DCI accuracy: of its trees; about {100 * known:.0f} % of their test images are "
                "training images too, so it is high for noise as well"
            ]
    return lines


def describe(scores: Scores) -> str:
    """Says in a few lines what was scored: data, sizes, N, hashes, latents, range, versions.

    Example:
        >>> from submission.factors import FactorSpace
        >>> from submission.scoring import score_table
        >>> space = FactorSpace(("shape", "size"), (3, 4))
        >>> codes = space.index_to_factors(range(12)) * 1.0
        >>> describe(score_table(codes, space, metrics=("irs",))).splitlines()[0]
        'unnamed data, table of 12 codes, sizes 3,4, seed 0'
    """
    latents = scores.latents if scores.mig is None else scores.mig.latents
    sizes = ",".join(str(size) for size in scores.factor_sizes)
    source = scores.source
    data = f"{source.data_name} ({source.data_sha256[:12]})" if source else "unnamed data"
    model = f", model {source.model_sha256[:12]}" if source else ""
    packages = ", ".join(f"{name} {version}" for name, version in scores.versions.items())
    return "\n".join(
        [
            f"{data}, {scores.kind} of {scores.num_rows:,} codes, sizes {sizes}, "
            f"seed {scores.seed}{model}",
            f"{scores.num_active_latents} of {scores.num_latents} latents active; codes from "
            f"{latents.minimum.min():z.2f} to {latents.maximum.max():z.2f}, 99.8 % of each latent "
            f"within {latents.low.min():z.2f} to {latents.high.max():z.2f}",
            packages,
            *scores.notes,
        ]
    )


def standings_table(ordered: Sequence[Standing]) -> str:
    """Lays the leaderboard out: place, name, ranks and their mean.

    Example:
        >>> from submission.scoring.leaderboard import Entry, standings
        >>> ordered = standings([Entry("mine", dict.fromkeys(ALL_METRICS, 0.5))])
        >>> print(standings_table(ordered), end="")
        place  name  FactorVAE  DCI  SAP  IRS  MIG  mean rank
        1      mine  1          1    1    1    1    1.0
    """
    head = ["place", "name", *(TITLES[metric] for metric in ALL_METRICS), "mean rank"]
    rows = [
        [
            str(standing.place),
            standing.entry.name,
            *(str(standing.ranks[metric]) for metric in ALL_METRICS),
            f"{standing.mean_rank:.1f}",
        ]
        for standing in ordered
    ]
    return "\n".join(_aligned([head, *rows])) + "\n"


def metrics_of(rows: Sequence[Row]) -> list[str]:
    """Lists the metrics that any row has, in the usual order."""
    return [metric for metric in ALL_METRICS if any(metric in row.means for row in rows)]


def _cell(row: Row, metric: str) -> str:
    if metric not in row.means:
        return "-"
    std = f" ± {row.stds[metric]:.3f}" if metric in row.stds else ""
    return f"{row.means[metric]:z.3f}{std}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Pads columns to equal width; all begin at the left, so that decimal points stand in line."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
