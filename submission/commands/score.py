"""`python -m submission score`: codes of any model in, scores out."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from submission.console import say
from submission.data.grids import grid_of
from submission.errors import InputError
from submission.files import locked
from submission.job.score import INFOMEC, CodeScores, GridPoints, Sample, score_codes, write_scores
from submission.scoring.code_files import LabelledCodes, read_codes
from submission.scoring.metrics.catalogue import ALL_METRICS

__all__ = ["score"]

METRICS = (*ALL_METRICS, INFOMEC)


@click.command()
@click.argument("codes", type=click.Path(path_type=Path))
@click.option(
    "--factors",
    type=click.Path(path_type=Path),
    help="A second file with the factors, if they are not in CODES.",
)
@click.option(
    "--grid",
    "--data",
    help="CODES are those of a whole grid in order: its sizes, such as 6,6,2,3,3,40,40 (the last "
    "factor changes fastest), or the name of a data set, such as mpi3d_real or dsprites_full.",
)
@click.option("--names", help="Names of the factors, separated by commas.")
@click.option(
    "--seed",
    "seeds",
    type=click.IntRange(0, 2**32 - 1),
    multiple=True,
    default=(0,),
    show_default=True,
    help="Seed of the metrics' draws; repeat for mean and standard deviation.",
)
@click.option(
    "--metric",
    "metrics",
    type=click.Choice(METRICS),
    multiple=True,
    default=METRICS,
    help="A metric to compute; repeat for several. All by default.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for scores.json, scores.csv and report.html.",
)
def score(
    codes: Path,
    factors: Path | None,
    grid: str | None,
    names: str | None,
    seeds: tuple[int, ...],
    metrics: tuple[str, ...],
    output: Path | None,
) -> None:
    """Score codes of any model with the five metrics and InfoMEC.

    CODES is a file with one row for each image and one column for each latent. A file .npz or
    .safetensors has an array "codes", and beside it "factors". Files .npy hold codes alone. In a
    file .csv, columns "factor:NAME" are factors. No data set, model or configuration is needed.

    \b
    An example to paste:
      python -c "import numpy as np; r = np.random.default_rng(0); f = r.integers(4, size=(
          5000, 3)); np.savez('codes.npz', codes=f + 0.1 * r.normal(size=f.shape), factors=f)"
      python -m submission score codes.npz --names shape,size,colour --seed 0 --seed 1
    """  # noqa: D301 (click reads the backspace)
    chosen = None if names is None else [name.strip() for name in names.split(",")]
    with locked(output, "scores") if output else nullcontext():
        found = read_codes(codes, factors, None if grid else chosen)
        points = _points(found, factors or codes, grid, chosen)
        say(f"scoring {len(found.codes):,} codes of {found.codes.shape[1]} latents in {codes}")
        if "dci" in metrics:
            say("the first time, DCI's trees are compiled for up to a minute")
        result = score_codes(codes, found.codes, points, seeds, metrics)
        say(result.text())
        if output is not None:
            _write(result, found, points, output)


def _points(
    found: LabelledCodes, place: Path, grid: str | None, names: Sequence[str] | None
) -> GridPoints | Sample:
    """Says what the rows are codes of: a grid that was named, or factors of the file `place`."""
    if grid is None:
        if found.factors is None:
            raise InputError(
                f"expected factors for the codes in {place}, got none; save them beside the codes "
                "as 'factors', or give --factors FILE, or --grid SIZES if the codes are a whole "
                "grid's"
            )
        return Sample(found.factors, found.names)
    if found.factors is not None:
        raise InputError(
            f"expected factors or a grid, got factors in {place} and --grid {grid}; leave one out"
        )
    return GridPoints(*grid_of(grid, len(found.codes), names))


def _write(
    result: CodeScores, found: LabelledCodes, points: GridPoints | Sample, output: Path
) -> None:
    """Writes the scores, and of the five metrics a report."""
    for path in write_scores(result, found.sha256, output):
        say(f"scores: {path}")
    if result.scores:
        _report(result, found.codes, points, output)


def _report(
    result: CodeScores,
    codes: npt.NDArray[np.floating[Any]],
    points: GridPoints | Sample,
    output: Path,
) -> None:
    """Writes the report, or says which optional package it lacks."""
    try:
        from submission.job.code_report import write_code_report
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "matplotlib"):
            raise
        say(f"no report: it needs {error.name}; install it: pip install '.[report]'")
        return
    say(f"report: {write_code_report(result, codes, points, output)}")
