"""Scores of codes from a file: tables to print, JSON and CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from submission.errors import InputError
from submission.factors import FactorSpace
from submission.files import write_json, write_text
from submission.scoring.aggregate import aggregate, spreads_of_seeds
from submission.scoring.arrays import FloatArray, IntArray
from submission.scoring.metrics.catalogue import TITLES
from submission.scoring.metrics.infomec import InfoMEC, infomec
from submission.scoring.results import Scores
from submission.scoring.score_codes import score_samples, score_table
from submission.scoring.text_tables import (
    Row,
    csv_text,
    describe,
    factor_table,
    json_table,
    row_of_spreads,
    text_table,
)

__all__ = ["INFOMEC", "CodeScores", "GridPoints", "Sample", "score_codes", "write_scores"]

INFOMEC = "infomec"
"""The name of the sixth measure, beside those of the challenge's five metrics."""


@dataclass(frozen=True)
class GridPoints:
    """Says that codes are those of all points of a grid, in its order.

    Attributes:
        space: the grid.
        hidden: names of the factors that are drawn at random and not scored.
    """

    space: FactorSpace
    hidden: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the factors that are not hidden."""
        return tuple(name for name in self.space.names if name not in self.hidden)

    def factors(self) -> IntArray:
        """Gives the (N, F) values of the factors that are not hidden."""
        kept = [self.space.names.index(name) for name in self.names]
        return self.space.index_to_factors(np.arange(self.space.num_points))[:, kept]


@dataclass(frozen=True, eq=False)
class Sample:
    """The factor values of codes of any images.

    Attributes:
        values: (n, F) whole numbers.
        names: F names.
    """

    values: IntArray
    names: tuple[str, ...]

    def factors(self) -> IntArray:
        """Gives the (n, F) values."""
        return self.values

    def is_grid(self) -> bool:
        """Tells whether the rows are all points of a grid, in its order."""
        sizes = self.values.max(axis=0) + 1
        if np.prod(sizes.astype(float)) != len(self.values):
            return False
        index = FactorSpace(self.names, tuple(sizes.tolist())).factors_to_index(self.values)
        return bool((index == np.arange(len(index))).all())


@dataclass(frozen=True, eq=False)
class CodeScores:
    """What was found about a file of codes.

    Attributes:
        path: the file.
        scores: of each seed; empty if only InfoMEC was asked for.
        infomec: InfoMEC; None if it was not asked for or cannot be computed.
        notes: what a reader must know beside the notes in `scores`.
    """

    path: Path
    scores: tuple[Scores, ...]
    infomec: InfoMEC | None
    notes: tuple[str, ...]

    def row(self) -> Row:
        """Gives mean and standard deviation of each of the five metrics over the seeds."""
        return row_of_spreads(self.path.name, aggregate([self.scores]))

    def text(self) -> str:
        """Lays everything out for the terminal."""
        parts = []
        if self.scores:
            table = text_table([self.row()])
            if len(self.scores) > 1:
                seeds = ", ".join(str(scores.seed) for scores in self.scores)
                ranges = ", ".join(
                    f"{TITLES[metric]} {spread.low:z.3f} to {spread.high:z.3f}"
                    for metric, spread in spreads_of_seeds(self.scores).items()
                )
                table += (
                    f"- mean and standard deviation of the seeds {seeds}; the lines above the "
                    f"scores are of seed {self.scores[0].seed}\n- lowest to highest: {ranges}\n"
                )
            parts += [describe(self.scores[0]), factor_table(self.scores[0]), table]
        if self.infomec is not None:
            values = self.infomec._asdict()
            parts.append("InfoMEC: " + ", ".join(f"{name} {values[name]:z.3f}" for name in values))
        return "\n".join([*parts, *self.notes])


def score_codes(
    path: Path,
    codes: FloatArray,
    points: GridPoints | Sample,
    seeds: Sequence[int],
    metrics: Sequence[str],
) -> CodeScores:
    """Scores codes with each seed.

    InfoMEC does not depend on the seed, so it is computed once.

    Args:
        path: the file that the codes came from.
        codes: (n, C).
        points: what the rows are codes of.
        seeds: of the metrics' draws, all different.
        metrics: names of the five metrics, and `INFOMEC`.

    Raises:
        InputError: if a seed repeats, or as `score_table` and `score_samples`.
    """
    if len(set(seeds)) < len(seeds):
        raise InputError(f"expected different seeds, got {', '.join(map(str, seeds))}")
    five = tuple(metric for metric in metrics if metric != INFOMEC)
    scores = []
    for seed in seeds if five else ():
        if isinstance(points, GridPoints):
            scores.append(score_table(codes, points.space, seed, five, hidden=points.hidden))
        else:
            scores.append(score_samples(codes, points.values, points.names, seed, five))
    notes, information = [], None
    if INFOMEC in metrics:
        try:
            information = infomec(codes, points.factors())
        except InputError as error:
            notes.append(f"InfoMEC is left out: {error}.")
    if isinstance(points, Sample) and points.is_grid():
        sizes = ",".join(map(str, points.values.max(axis=0) + 1))
        notes.append(
            f"The rows are a whole grid in order. --grid {sizes} instead of factors scores them "
            "with the library's own draws, which published scores use."
        )
    return CodeScores(path, tuple(scores), information, tuple(notes))


def write_scores(found: CodeScores, sha256: str, folder: Path) -> tuple[Path, Path]:
    """Writes `scores.json` and `scores.csv`.

    The JSON holds everything. The CSV has one line for each metric: its mean, its standard
    deviation over the seeds, and the value of each seed.

    Args:
        found: the scores.
        sha256: hash of the file of codes, as it was read.
        folder: where to write.

    Raises:
        OutputError: if the folder cannot be written.
    """
    rows = [found.row()] if found.scores else []
    information = None if found.infomec is None else found.infomec._asdict()
    as_json, as_csv = folder / "scores.json", folder / "scores.csv"
    write_json(
        as_json,
        {
            "codes": {"file": str(found.path), "sha256": sha256},
            "scores": {metric: mean for row in rows for metric, mean in row.means.items()},
            INFOMEC: information,
            "rows": json_table(rows),
            "notes": list(found.notes),
            "details": [scores.to_dict() for scores in found.scores],
        },
    )
    lines: list[list[object]] = [
        ["metric", "mean", "std", *(f"seed_{scores.seed}" for scores in found.scores)]
    ]
    for row in rows:
        for metric, mean in row.means.items():
            values = [scores.values()[metric] for scores in found.scores]
            lines.append([metric, mean, row.stds.get(metric, ""), *values])
    for name, value in (information or {}).items():
        lines.append([f"{INFOMEC}_{name}", value, "", *([""] * len(found.scores))])
    write_text(as_csv, csv_text(lines))
    return as_json, as_csv
