"""`python -m submission estimate`: how long a run takes on this machine, by grid."""

import math
from pathlib import Path

import click

from submission.config.configuration import load_configuration
from submission.console import say
from submission.data.catalogue import STANDIN_NAMES, full_grid
from submission.errors import InputError
from submission.server.environment import read_environment

__all__ = ["estimate"]


@click.command()
@click.argument("config", type=Path, required=False)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Print, as the last line, the largest grid of a stand-in whose run takes at most so long.",
)
@click.option(
    "--set", "overrides", multiple=True, help="A setting, such as Fit.seed=1; repeat for several."
)
def estimate(config: Path | None, minutes: float | None, overrides: tuple[str, ...]) -> None:
    """Estimate how long a run takes on this machine, for grids of a stand-in and for MPI3D.

    The estimate follows from the settings and from how many features are extracted in three
    seconds. CONFIG is a gin file; without one, the settings are the paper's. The grids are those of
    the stand-in that AICROWD_DATASET_NAME names, or of standin_real.
    """
    if minutes is not None and math.isnan(minutes):
        raise InputError(f"expected --minutes to be a number above 0, got {minutes}")
    from submission.job.duration import durations, grids_of, images_per_second, longest_within
    from submission.job.inputs import extractor_of_run
    from submission.job.plan import fitting_plan
    from submission.training.devices import opened_devices

    environment = read_environment()
    named = environment.dataset_name
    standin = named if named in STANDIN_NAMES else "standin_real"
    grids, full = grids_of(standin), full_grid(standin)
    configuration = load_configuration(config, overrides)
    frozen = extractor_of_run(configuration)
    with opened_devices(cuda=environment.cuda) as devices:
        rate = images_per_second(frozen, devices)
        lasting = durations(configuration, frozen, rate, [*grids, full], devices.device)
        say(f"features: {rate:.0f} images/s; a run takes about")
        for each in lasting:
            published = ", as the full sets of MPI3D have" if each.sizes == full else ""
            images = math.prod(each.sizes)
            say(f"  {each.minutes:5,.0f} min on {images:9,} images, grid {each.grid}{published}")
        try:
            plan = fitting_plan(math.prod(full), frozen, configuration, devices)
            memory = f"{plan.num_bytes / 2**30:.1f} GiB, with {plan.feature_type} features"
        except InputError as error:
            memory = f"more than there is: {error}"
    say(f"memory for the last of these: {memory}; the file of images is mapped, not read")
    if minutes is None:
        return
    chosen = longest_within(minutes, lasting[: len(grids)])
    if chosen.minutes > minutes:
        say(f"note: no grid takes at most {minutes:g} min; the smallest is chosen")
    say(chosen.grid)
