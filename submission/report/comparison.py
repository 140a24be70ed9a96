"""Several experiments beside each other: means and spreads, and the challenge's leaderboard."""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from submission.console import say
from submission.errors import InputError, MissingFileError, did_you_mean
from submission.files import write_json, write_text
from submission.folders import require_writable
from submission.report.results import MODEL_FILE, other_model, read_result, scores_paths
from submission.report.score_rows import images_of
from submission.scoring.aggregate import aggregate
from submission.scoring.leaderboard import Entry, standings
from submission.scoring.metrics.catalogue import ALL_METRICS
from submission.scoring.results import Scores
from submission.scoring.text_tables import (
    OTHER_IMAGES,
    Row,
    csv_table,
    json_table,
    row_of_spreads,
    standings_table,
    text_table,
)

__all__ = ["compare_experiments", "read_scores"]


def read_scores(experiment: Path) -> list[Scores]:
    """Reads the scores of an experiment's model, one for each evaluation seed.

    Scores of a model that was replaced are left out; a line names each of them.

    Raises:
        MissingFileError: if the run has not ended or its model has not been scored.
        InputError: if a file holds something else, or all scores are of other models.
    """
    if not experiment.is_dir():
        here = [path.name for path in experiment.parent.glob("*/") if (path / "training").is_dir()]
        hint = did_you_mean(experiment.name, here, f"runs there: {', '.join(here) or 'none'}")
        raise MissingFileError(f"expected the folder of a run at {experiment}, got none; {hint}")
    representation = experiment / "representation"
    paths = scores_paths(representation)
    started = experiment / "training/started.gin"
    if not paths and started.is_file():
        raise MissingFileError(
            f"expected scores in {representation}, got a run that has not ended ({started}); wait "
            "for it, or continue with the command that started it: "
            f"./run.sh PRESET {experiment.name}"
        )
    if not paths:
        raise MissingFileError(
            f"expected scores in {representation}, got none; make them: "
            f"AICROWD_EVALUATION_NAME={experiment.name} python3 local_evaluation.py"
        )
    found, left_out = [], []
    for path in paths:
        scores = read_result(path).scores
        reason = other_model(scores, representation / MODEL_FILE)
        if reason:
            left_out.append(f"{path}: {reason}")
        else:
            found.append(scores)
    if not found:
        raise InputError(
            f"expected scores of the model in {representation}, got {'; '.join(left_out)}; "
            f"evaluate again: AICROWD_EVALUATION_NAME={experiment.name} python3 "
            "local_evaluation.py"
        )
    for line in left_out:
        say(f"left out {line}")
    return found


def compare_experiments(
    experiments: Sequence[Path],
    together: str | None,
    published: Sequence[Entry],
    output: Path | None,
) -> None:
    """Prints experiments in a table with published scores, and the standings of each data set.

    Args:
        experiments: folders; each is a training, scored with one or more evaluation seeds.
        together: name of the one entry that all of them are trainings of; None for an entry each.
        published: scores of others; an entry that lacks a metric takes no place.
        output: folder for `comparison.txt`, `.json` and `.csv`, or None to print only.

    Raises:
        MissingFileError: if an experiment has not been scored.
        InputError: if scores are of other models, two experiments share a name, or those to be
            averaged are not comparable.
        OutputError: if the output cannot be written.
    """
    if output is not None:
        require_writable(output)
    names = [experiment.name for experiment in experiments]
    if len(set(names)) < len(names):
        raise InputError(
            f"expected experiments of different names, got {', '.join(names)}; name each once, or "
            "rename a folder"
        )
    trainings = {experiment.name: read_scores(experiment) for experiment in experiments}
    entries = (
        {together: list(trainings.values())}
        if together
        else {name: [scores] for name, scores in trainings.items()}
    )
    spreads = {name: aggregate(scores) for name, scores in entries.items()}
    ranked = {entry.data for entry in published}
    labels = _labels([several[0][0] for several in entries.values()], ranked)
    means = [
        Entry(name, {metric: value.mean for metric, value in spread.items()}, data=label)
        for (name, spread), label in zip(spreads.items(), labels, strict=True)
    ]
    images = set(labels)
    rows = [
        *(row_of_spreads(name, spread) for name, spread in spreads.items()),
        *(
            Row(entry.name, entry.scores, note="" if images == {entry.data} else OTHER_IMAGES)
            for entry in published
        ),
    ]
    every = [entry for entry in (*means, *published) if len(entry.scores) == len(ALL_METRICS)]
    text = text_table(rows) + "".join(_leaderboard(each, every) for each in sorted(images))
    say(text)
    if output is not None:
        for suffix, content in (("txt", text), ("csv", csv_table(rows))):
            write_text(output / f"comparison.{suffix}", content)
        write_json(output / "comparison.json", json_table(rows))
        say(f"comparison: {output}")


def _labels(trainings: Sequence[Scores], published: Collection[str]) -> list[str]:
    """Names the images of each training; where files of one name differ, with a part of their hash.

    Files of a published set may differ only in packing, so they stay together; a note names them.
    """
    names = [images_of(scores) for scores in trainings]
    files = [scores.source.data_sha256 if scores.source else "" for scores in trainings]
    several = Counter(name for name, _ in set(zip(names, files, strict=True)))
    for name in several:
        if several[name] > 1 and name in published:
            hashes = sorted({f"{f[:8]}..." for n, f in zip(names, files, strict=True) if n == name})
            say(
                f"note: the runs on {name} read different files ({', '.join(hashes)}); check each: "
                f"python -m submission data check {name}"
            )
    return [
        f"{name}, file {file[:8]}..." if several[name] > 1 and name not in published else name
        for name, file in zip(names, files, strict=True)
    ]


def _leaderboard(images: str, every: Sequence[Entry]) -> str:
    """Ranks the entries that were scored on the same images, if there are two."""
    same = [entry for entry in every if entry.data == images]
    if sum(entry.kind == "entry" for entry in same) < 2:
        return ""
    title = f"leaderboard on {images} (mean of the ranks in the five metrics)"
    return f"\n{title}\n{standings_table(standings(same))}"
