"""The challenge's order of entries: the mean of their ranks in the five metrics."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from submission.errors import InputError, MissingFileError
from submission.scoring.metrics.catalogue import ALL_METRICS

__all__ = ["POOL", "Entry", "Standing", "load_pool", "standings"]

POOL = Path(__file__).with_name("pool.csv")
"""Published scores that ship with the package."""

DECIMALS = 3
"""Published scores are known to this many decimals, so all are compared at that precision."""


@dataclass(frozen=True)
class Entry:
    """Scores that take part in a comparison.

    Attributes:
        name: whose.
        scores: a number for each of the five metrics.
        kind: "entry", or "bound" for a row that joins the best scores of several entries; bounds
            are shown but take no rank.
        data: the data set's name.
        source: where the scores were published; empty for one's own.
    """

    name: str
    scores: Mapping[str, float]
    kind: str = "entry"
    data: str = ""
    source: str = ""


@dataclass(frozen=True)
class Standing:
    """An entry's place.

    Attributes:
        entry: the entry.
        ranks: its rank in each metric.
        mean_rank: their mean, lower is better.
        place: 1 + number of entries of a lower mean rank.
    """

    entry: Entry
    ranks: dict[str, int]
    mean_rank: float
    place: int


def standings(entries: Sequence[Entry]) -> list[Standing]:
    """Orders entries by the mean of their ranks.

    The rank in a metric is 1 + number of entries with a strictly better score, so ties share a
    rank and leave a gap after them.

    Args:
        entries: all that take part; bounds are left out.

    Returns:
        best first; entries of equal mean rank keep their order.

    Raises:
        InputError: if an entry lacks a metric.

    Example:
        >>> worse = Entry("theirs", dict.fromkeys(ALL_METRICS, 0.4))
        >>> better = Entry("mine", dict.fromkeys(ALL_METRICS, 0.5))
        >>> [(each.place, each.entry.name, each.mean_rank) for each in standings([worse, better])]
        [(1, 'mine', 1.0), (2, 'theirs', 2.0)]
    """
    ranked = [entry for entry in entries if entry.kind == "entry"]
    for entry in ranked:
        if missing := [metric for metric in ALL_METRICS if metric not in entry.scores]:
            raise InputError(f"expected all of {ALL_METRICS} for {entry.name}, got no {missing}")
    ranks = {
        metric: _ranks([round(entry.scores[metric], DECIMALS) for entry in ranked])
        for metric in ALL_METRICS
    }
    totals = [sum(each) for each in zip(*ranks.values(), strict=True)]
    unordered = [
        Standing(entry, {metric: ranks[metric][i] for metric in ranks}, total / len(ranks), place)
        for i, (entry, total, place) in enumerate(
            zip(ranked, totals, _ranks([-total for total in totals]), strict=True)
        )
    ]
    return sorted(unordered, key=lambda standing: standing.place)


def _ranks(scores: Sequence[float]) -> list[int]:
    """Gives each score 1 + the number of better ones."""
    return [1 + sum(other > score for other in scores) for score in scores]


def load_pool(path: Path = POOL) -> list[Entry]:
    """Reads published scores; own ones may be added to a copy of the file.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it is no CSV in UTF-8, a column is missing, a kind is unknown, or a score is
            not a number in [0, 1].

    Example:
        >>> load_pool()[0].name, load_pool()[0].scores["mig"]
        ('paper, stage 2', 0.297)
    """
    if not path.is_file():
        raise MissingFileError(f"expected a pool of scores at {path}")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            wanted = ["name", "kind", "data", "source", *ALL_METRICS]
            if reader.fieldnames != wanted:
                raise InputError(
                    f"expected the columns {wanted} in {path}, got {reader.fieldnames}"
                )
            return [_entry(row, path) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"expected CSV in UTF-8 at {path}, got {error}; save it so") from error


def _entry(row: dict[str, str], path: Path) -> Entry:
    if row["kind"] not in ("entry", "bound"):
        raise InputError(
            f"expected the kind entry or bound in {path} for {row['name']}, got {row['kind']!r}"
        )
    try:
        scores = {metric: float(row[metric]) for metric in ALL_METRICS}
    except (TypeError, ValueError) as error:
        raise InputError(f"expected five numbers in {path} for {row['name']}: {error}") from error
    if not all(0 <= score <= 1 for score in scores.values()):
        raise InputError(f"expected scores from 0 to 1 in {path} for {row['name']}, got {scores}")
    return Entry(row["name"], scores, row["kind"], row["data"], row["source"])
