"""`python -m submission estimate`: how long a run takes on this machine, by grid."""

import math
from pathlib import Path

import click

from submission.config.configuration import load_configuration
from submission.console import say
from submission.data.catalogue import STANDIN_NAMES
from submission.job.duration import durations, grids_of, images_per_second, longest_within
from submission.job.inputs import extractor_of_run
from submission.server.environment import read_environment
from submission.training.devices import opened_devices

__all__ = ["estimate"]


@click.command()
@click.argument("config", type=Path, required=False)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Print the largest grid that takes at most so long as the last line.",
)
@click.option("--set", "overrides", multiple=True, help="A setting, such as Fit.seed=1.")
def estimate(config: Path | None, minutes: float | None, overrides: tuple[str, ...]) -> None:
    """Estimate how long a run takes on this machine, for grids of a stand-in.

    The estimate follows from the settings and from how many features are extracted in three
    seconds. CONFIG is a gin file; the default has the paper's numbers. The grids are those of the
    stand-in that AICROWD_DATASET_NAME names, or of standin_real.
    """
    environment = read_environment()
    configuration = load_configuration(config, overrides)
    frozen = extractor_of_run(configuration)
    with opened_devices(cuda=environment.cuda) as devices:
        rate = images_per_second(frozen, devices)
    name = environment.dataset_name
    grids = grids_of(name if name in STANDIN_NAMES else "standin_real")
    lasting = durations(configuration, frozen, rate, grids)
    say(f"features: {rate:.0f} images/s; a run takes about")
    for each in lasting:
        say(f"  {each.minutes:4.0f} min on {math.prod(each.sizes):6,} images, grid {each.grid}")
    if minutes is None:
        return
    chosen = longest_within(minutes, lasting)
    if chosen.minutes > minutes:
        say(f"note: no grid takes at most {minutes:g} min; the smallest is chosen")
    say(chosen.grid)
