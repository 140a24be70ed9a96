"""Several experiments beside each other: means and spreads, and the challenge's leaderboard."""

import json
from collections.abc import Sequence
from pathlib import Path

from submission.console import say
from submission.errors import InputError, MissingFileError
from submission.files import replacing, write_json
from submission.scoring.aggregate import aggregate
from submission.scoring.leaderboard import POOL, Entry, load_pool, standings
from submission.scoring.results import Scores, scores_from_dict
from submission.scoring.settings import ALL_METRICS
from submission.scoring.text_tables import (
    csv_table,
    json_table,
    row_of_entry,
    row_of_spreads,
    standings_table,
    text_table,
)

__all__ = ["compare_experiments", "read_scores", "scores_path"]


def scores_path(representation: Path, seed: int) -> Path:
    """Names the file of an experiment's scores for one evaluation seed."""
    return representation / ("scores.json" if seed == 0 else f"scores_seed_{seed}.json")


def read_scores(experiment: Path) -> list[Scores]:
    """Reads the scores of an experiment, one for each evaluation seed.

    Args:
        experiment: its folder.

    Raises:
        FileNotFoundError: if it has not been scored.
        ValueError: if a file holds something else.
    """
    paths = sorted((experiment / "representation").glob("scores*.json"))
    if not paths:
        raise MissingFileError(
            f"expected scores in {experiment / 'representation'}; local_evaluation.py makes them"
        )
    scores = []
    for path in paths:
        try:
            scores.append(scores_from_dict(json.loads(path.read_text(encoding="utf-8"))["details"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"expected scores in {path}, got {error!r}") from error
    return scores


def compare_experiments(
    experiments: Sequence[Path],
    together: str | None = None,
    pool: Path = POOL,
    output: Path | None = None,
) -> None:
    """Prints experiments in a table with a pool of published scores, and their standings.

    Args:
        experiments: folders; each is a training, scored with one or more evaluation seeds.
        together: name of the one entry that all of them are trainings of; None for an entry each.
        pool: CSV file of published scores.
        output: folder for `comparison.txt`, `.json` and `.csv`, or None to print only.

    Raises:
        FileNotFoundError: if an experiment has not been scored.
        ValueError: if scores that are averaged are not comparable.
    """
    trainings = {experiment.name: read_scores(experiment) for experiment in experiments}
    entries = (
        {together: list(trainings.values())}
        if together
        else {name: [scores] for name, scores in trainings.items()}
    )
    spreads = {name: aggregate(scores) for name, scores in entries.items()}
    published = load_pool(pool)
    rows = [
        *(row_of_spreads(name, spread) for name, spread in spreads.items()),
        *(row_of_entry(entry) for entry in published),
    ]
    text = text_table(rows)
    means = {
        name: {metric: value.mean for metric, value in spread.items()}
        for name, spread in spreads.items()
    }
    complete = [
        Entry(name, values) for name, values in means.items() if len(values) == len(ALL_METRICS)
    ]
    ordered = standings([*complete, *published])
    text += (
        "\nleaderboard (mean of the ranks in the five metrics; the data sets differ)\n"
        + standings_table(ordered)
    )
    say(text)
    if output is not None:
        with replacing(output / "comparison.txt") as beside:
            beside.write_text(text, encoding="utf-8")
        with replacing(output / "comparison.csv") as beside:
            beside.write_text(csv_table(rows), encoding="utf-8")
        write_json(output / "comparison.json", json_table(rows))
        say(f"comparison: {output}")
