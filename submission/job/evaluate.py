"""Local evaluation: an exported representation in, five scores and what belongs to them out."""

import time
from dataclasses import asdict
from pathlib import Path

from submission.console import say
from submission.data.image_set import ImageSet
from submission.data.images import open_images
from submission.errors import UserError
from submission.files import write_text
from submission.job.codes import ScoredCodes, codes_to_score
from submission.report.experiment import is_look_alike
from submission.report.results import Result, joined, read_result, scores_path, write_result
from submission.report.score_rows import images_of, score_groups
from submission.scoring.leaderboard import load_pool
from submission.scoring.reference import perfect_codes
from submission.scoring.result_files import write_result_files
from submission.scoring.score_codes import score_table
from submission.scoring.text_tables import Row, csv_table, describe, factor_table, text_table
from submission.server.environment import Environment

__all__ = ["evaluate_representation"]


def evaluate_representation(
    environment: Environment, seed: int, metrics: tuple[str, ...], *, encode: bool
) -> Path:
    """Scores the exported representation of an experiment with disentanglement_lib's metrics.

    `scores.json` and `scores.csv` are written beside the model (`scores_seed_1.json` for seed 1,
    and so on), the library's result files into `metrics/` (`metrics_seed_1/`). Metrics that were
    computed earlier for the same model, data and seed are kept. The table is printed before
    anything is written.

    Args:
        environment: where to read and write.
        seed: of the metrics' draws; the challenge's is 0.
        metrics: which metrics.
        encode: encode every image with the exported file, however long it takes.

    Returns:
        The JSON file of the scores.

    Raises:
        MissingFileError: if images or exported file are missing.
        InputError: if the server could not score the exported file.
        OutputError: if the results cannot be written.
    """
    images = open_images(environment.dataset_name, environment.data_path)
    began = time.monotonic()
    codes = codes_to_score(environment, images, encode=encode)
    seconds = {"codes": round(time.monotonic() - began, 2)}
    name = f"{environment.evaluation_name} on {images.name}"
    result = _score(name, codes, images, seed, metrics, seconds)

    path = scores_path(environment.representation_path, seed)
    result = _with_earlier(result, path)
    groups = score_groups(result.rows, images_of(result.scores), is_rendered=is_look_alike(images))
    rows = text_table([row for group in groups for row in group.rows])
    for text in ("", describe(result.scores), "", factor_table(result.scores), rows):
        say(text)
    write_result(result, path)
    write_text(path.with_suffix(".csv"), csv_table(result.rows))
    write_result_files(result.scores, environment.experiment_path, images.name)
    say(f"scores: {path}")
    return path


def _score(
    name: str,
    codes: ScoredCodes,
    images: ImageSet,
    seed: int,
    metrics: tuple[str, ...],
    seconds: dict[str, float],
) -> Result:
    """Scores codes, and codes that are perfect for comparison."""
    first = " (the first time, DCI's trees are compiled for some seconds)"
    say(f"scoring{first if 'dci' in metrics else ''}")
    table = codes.table
    began = time.monotonic()
    scores = score_table(
        table.codes, table.space, seed, metrics, source=table.source, hidden=images.hidden
    )
    scored = time.monotonic()
    say("scoring perfect codes, without and with noise, for comparison")
    visible = table.space.without(images.hidden)
    references = [
        Row(
            f"perfect code{text}",
            score_table(perfect_codes(visible, noise, seed), visible, seed, metrics).values(),
        )
        for noise, text in ((0.0, ""), (0.1, ", noise 0.1"))
    ]
    ended = time.monotonic()
    return Result(
        scores=scores,
        rows=(
            Row(name, scores.values()),
            *references,
            *(Row(f"{entry.name}, on mpi3d_real", entry.scores) for entry in load_pool()),
        ),
        data={
            "name": images.name,
            "sizes": list(images.space.sizes),
            "num_images": images.space.num_points,
            "sha256": images.sha256,
        },
        codes={"made_by": codes.made_by, **asdict(codes.difference)},
        seconds={
            **seconds,
            "scoring": round(scored - began, 2),
            "perfect codes": round(ended - scored, 2),
        },
    )


def _with_earlier(result: Result, path: Path) -> Result:
    """Adds the metrics that an earlier evaluation of the same model computed."""
    if not path.is_file():
        return result
    try:
        both = joined(result, read_result(path))
    except UserError as error:
        say(f"note: {path} is replaced: {error}")
        return result
    if both is None:
        say(f"note: {path} is replaced: it is of another model, of other data, codes or versions")
        return result
    return both
