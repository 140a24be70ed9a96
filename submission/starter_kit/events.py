"""The starter kit's functions by which a script of one's own reports to the evaluation server."""

from functools import cache
from pathlib import Path

from submission.errors import MissingFileError
from submission.server.environment import read_event_service
from submission.server.events import Events
from submission.starter_kit.models import get_model_path

__all__ = ["execution_error", "execution_start", "register_progress", "submit"]


@cache
def _events() -> Events:
    return Events(read_event_service())


def execution_start() -> None:
    """Reports that the run has begun."""
    _events().started()


def register_progress(progress: float) -> None:
    """Reports how much of the run is done, in [0, 1], at most once in 10 seconds."""
    _events().progress(progress)


def submit(payload: object = None) -> None:
    """Reports that the representation is ready to be scored, and waits for the answer.

    Args:
        payload: has no effect; the kit's function has this parameter.

    Raises:
        MissingFileError: if there is no representation where the evaluator looks.
    """
    path = Path(get_model_path(make=False))
    if not path.is_file():
        raise MissingFileError(
            f"expected a representation at {path} before it is submitted; call export_model"
        )
    _events().submitted()


def execution_error(error: object) -> None:
    """Reports that the run has failed and why, and waits for the answer."""
    _events().failed(str(error))
