"""`python -m submission rehearse`: runs the commit as the evaluation server would."""

import math
from pathlib import Path

import click

from submission.config.configuration import PROJECT
from submission.console import say
from submission.data.standin.scene import standin_space
from submission.errors import InputError
from submission.submit.repository import Repository

__all__ = ["rehearse"]


def _grid(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        return standin_space(tuple(int(word) for word in value.split(","))).sizes
    except InputError as error:
        raise click.BadParameter(str(error)) from error
    except ValueError as error:
        raise click.BadParameter(f"expected sizes such as 2,2,2,2,2,4,4, got {value!r}") from error


def _memory(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if not 0 <= value < math.inf:
        raise click.BadParameter(f"expected a number of GiB, 0 for no limit, got {value}")
    return value


@click.command()
@click.option(
    "--config",
    type=Path,
    help="A gin file to try. preflight needs a rehearsal without this option, because the server "
    "runs run.sh without one.",
)
@click.option(
    "--grid",
    default="2,2,2,2,2,4,4",
    show_default=True,
    callback=_grid,
    help="Sizes of the seven factors of the stand-in to train on.",
)
@click.option(
    "--memory",
    type=float,
    default=0,
    callback=_memory,
    help="Memory that the run may have, in GiB; 0 for no limit.",
)
def rehearse(config: Path | None, grid: tuple[int, ...], memory: float) -> None:
    """Run the submission as the server would.

    The commit runs from a read-only copy, without network where the machine allows that. Then the
    exported file is scored in the evaluator's batches. preflight asks for the result.
    """
    from submission.scoring.metrics.catalogue import TITLES
    from submission.submit.rehearsal.run import RehearsalSettings, read_rehearsal
    from submission.submit.rehearsal.run import rehearse as run_rehearsal

    repository = Repository(PROJECT)
    path = run_rehearsal(repository, RehearsalSettings(config, grid, round(memory * 2**30)))
    content = read_rehearsal(repository)
    assert content is not None
    scores = content["scored"]["scores"]
    say("the evaluator can score the file; with so few samples the numbers mean nothing:")
    say("  " + "  ".join(f"{TITLES[name]} {scores[name]:z.3f}" for name in scores))
    say(
        f"rehearsal passed in {content['seconds']:.0f} s with at most "
        f"{content['peak_memory'] / 2**30:.1f} GiB of memory: {path}"
    )
    if config is not None:
        say("note: preflight will ask for a rehearsal without --config, as the server runs it")
