"""`python -m submission report`: scores in, a page to look at out."""

from pathlib import Path

import click

from submission.console import say
from submission.files import locked
from submission.folders import require_writable
from submission.server.environment import read_environment

__all__ = ["report"]


@click.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to; report/ in the experiment's folder by default.",
)
def report(output: Path | None) -> None:
    """Make a report to look at from scores."""
    from submission.report import write_report

    environment = read_environment()
    if output is not None:
        require_writable(output)
    with locked(environment.experiment_path, "a report"):
        page = write_report(environment, output or environment.experiment_path / "report")
    say(f"report: {page}")
