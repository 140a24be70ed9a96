"""`python -m submission evaluate`: an exported representation in, scores and report out."""

import click

from submission.console import say
from submission.files import locked
from submission.scoring.metrics.catalogue import ALL_METRICS
from submission.server.environment import read_environment

__all__ = ["evaluate"]


@click.command()
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Seed of the metrics' draws; the challenge's is 0.",
)
@click.option(
    "--metric",
    "metrics",
    type=click.Choice(ALL_METRICS),
    multiple=True,
    default=ALL_METRICS,
    help="A metric to compute; repeat for several. All five by default.",
)
@click.option(
    "--encode",
    is_flag=True,
    help="Encode every image with the exported file. Without it, that is done on a GPU or if it "
    "takes at most a minute; training's codes are used otherwise.",
)
def evaluate(seed: int, metrics: tuple[str, ...], encode: bool) -> None:
    """Score an exported representation with the five metrics and make a report of it.

    The report is made with seed 0, the challenge's. To show the spread of other seeds in it, run
    `report` afterwards.
    """
    from submission.job.evaluate import evaluate_representation
    from submission.report import write_report

    environment = read_environment()
    with locked(environment.experiment_path, "evaluation"):
        evaluate_representation(environment, seed, metrics, encode=encode)
        if seed == 0:
            folder = environment.experiment_path / "report"
            say(f"report: {write_report(environment, folder)}")
