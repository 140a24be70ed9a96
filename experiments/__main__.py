"""`python -m experiments`: run rows, and write docs/results.md from what was run."""

import sys

import click

from experiments.accuracy import measure_accuracies
from experiments.document import write_document
from experiments.rows import ROWS, find_row
from experiments.run import read_results, run_row
from submission.cli import run_commands
from submission.console import say


@click.group()
def experiments() -> None:
    """Make the tables of docs/results.md."""


@experiments.command("list")
def list_() -> None:
    """List the rows and how many of their trainings are done."""
    for row in ROWS:
        results = read_results(row)
        done = len(results["trainings"]) if results else 0
        say(f"{row.name:<18}{done}/{row.num_seeds}  {row.title}")


@experiments.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--seed", "seeds", type=click.IntRange(0), multiple=True, help="By default all.")
def run(names: tuple[str, ...], seeds: tuple[int, ...]) -> None:
    """Run rows; trainings that are done are not repeated."""
    for row in [find_row(name) for name in names]:
        run_row(row, seeds or None)


@experiments.command()
@click.option("--images", type=click.IntRange(1), default=3000, show_default=True)
def accuracy(images: int) -> None:
    """Measure the shipped heads by factor and domain, and write it into the weights' card."""
    measure_accuracies(images)


@experiments.command()
def write() -> None:
    """Write docs/results.md and its pictures."""
    write_document()


if __name__ == "__main__":
    sys.exit(run_commands(experiments, "python -m experiments"))
