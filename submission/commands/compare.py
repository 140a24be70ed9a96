"""`python -m submission compare`: scored experiments in, one table out."""

from pathlib import Path

import click

from submission.console import say
from submission.scoring.leaderboard import POOL, load_pool
from submission.scoring.published import read_published
from submission.server.environment import read_environment

__all__ = ["compare"]


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--together", help="Name of the one entry that all of them are trainings of.")
@click.option(
    "--pool", type=Path, default=POOL, help="CSV file of published scores; the paper's by default."
)
@click.option(
    "--published",
    type=Path,
    multiple=True,
    help="Folder of a model's result files that disentanglement_lib wrote; repeat for several.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the table as text, JSON and CSV.",
)
def compare(
    names: tuple[str, ...],
    together: str | None,
    pool: Path,
    published: tuple[Path, ...],
    output: Path | None,
) -> None:
    """Set scored experiments beside each other and beside published scores.

    NAMES are experiments in AICROWD_OUTPUT_PATH. An experiment that was scored with several seeds
    (evaluate --seed 1) shows their mean and standard deviation; with --together, the spread is that
    between the experiments.
    """
    from submission.report.comparison import compare_experiments

    folder = read_environment().output_path
    others = load_pool(pool)
    for found in map(read_published, published):
        for line in found.left_out:
            say(f"left out {line}")
        say(f"{found.entry.name}: scores on {found.entry.data}")
        others.append(found.entry)
    compare_experiments([folder / name for name in names], together, others, output)
