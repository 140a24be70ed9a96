"""`python -m submission train`: one data set in, an exported representation out."""

from pathlib import Path

import click

from submission.server.environment import read_environment, read_event_service, read_launch
from submission.server.events import reporting

__all__ = ["train"]


@click.command()
@click.argument("config", type=Path, default=Path("configs/best.gin"))
@click.option(
    "--set", "overrides", multiple=True, help="A setting, such as Fit.seed=1; repeat for several."
)
def train(config: Path, overrides: tuple[str, ...]) -> None:
    """Extract features, train the beta-VAE, export the representation.

    CONFIG is a gin file. The AICROWD_ variables name the data set, the folders and the run.
    """
    service = read_event_service() if read_launch().number == 0 else None
    with reporting(service) as events:
        # Imported here, so that the server also receives the name of a missing package.
        from submission.config.configuration import load_configuration
        from submission.job.train import train_representation

        configuration = load_configuration(config, overrides)
        train_representation(read_environment(), configuration, events.progress)
