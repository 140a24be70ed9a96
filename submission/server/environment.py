"""The environment variables of the evaluation server and of this project.

No other module reads `os.environ`. Spaces around a value are ignored, and a variable without any
other character counts as unset, except where that is said.
"""

import math
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from submission.errors import InputError

__all__ = [
    "SPINS",
    "Environment",
    "EventService",
    "Launch",
    "is_debugging",
    "is_grading",
    "let_threads_sleep",
    "read_cache_path",
    "read_environment",
    "read_event_service",
    "read_launch",
    "user_path",
]

FALSE_WORDS = frozenset({"", "false", "0", "no", "off"})
TRUE_WORDS = frozenset({"true", "1", "yes", "on"})

SPINS = "1000"
"""How often a thread of GNU OpenMP looks for work before it sleeps.

By default it looks 300,000 times. On two cores beside a busy program, small networks then train at
half the speed or less, since a thread that looks takes the core of the one that works.
"""


@dataclass(frozen=True)
class Environment:
    """Where a run reads and writes.

    Attributes:
        output_path: folder that holds one folder per experiment (AICROWD_OUTPUT_PATH).
        evaluation_name: name of the experiment (AICROWD_EVALUATION_NAME).
        dataset_name: name of the data set, disentanglement_lib's names (AICROWD_DATASET_NAME).
        data_path: folder of the data sets (DISENTANGLEMENT_LIB_DATA).
        is_grading: whether this is the evaluation server; see `is_grading`.
        cuda: True or False when AICROWD_CUDA asks for or against a GPU, None to use one if present.
    """

    output_path: Path
    evaluation_name: str
    dataset_name: str
    data_path: Path
    is_grading: bool
    cuda: bool | None

    @property
    def experiment_path(self) -> Path:
        """The experiment's folder."""
        return self.output_path / self.evaluation_name

    @property
    def training_path(self) -> Path:
        """The folder for settings, learning curves and codes of the training."""
        return self.experiment_path / "training"

    @property
    def configuration_path(self) -> Path:
        """The settings that the exported representation was made with."""
        return self.training_path / "configuration.gin"

    @property
    def notes_path(self) -> Path:
        """What is noted of the run that made the exported representation."""
        return self.training_path / "training.json"

    @property
    def codes_path(self) -> Path:
        """The code of every image."""
        return self.training_path / "codes.safetensors"

    @property
    def representation_path(self) -> Path:
        """The folder of the exported representation."""
        return self.experiment_path / "representation"

    @property
    def model_path(self) -> Path:
        """The exported TorchScript file, where the evaluator looks for it."""
        return self.representation_path / "pytorch_model.pt"


@dataclass(frozen=True)
class EventService:
    """The evaluation server's event service.

    Attributes:
        host: of the Redis server (AICROWD_REDIS_HOST).
        port: its port, which need not be a number (AICROWD_REDIS_PORT).
        db: number of its database, which need not be a number (AICROWD_REDIS_DB).
        password: its password, None for none (AICROWD_REDIS_PASSWORD).
        channel: list that events are pushed to (AICROWD_REDIS_COMMUNICATION_CHANNEL).
        response_channel: list that answers come from (AICROWD_BLOCKING_RESPONSE_CHANNEL).
        agent_id: who sends (AICROWD_AGENT_ID).
        timeout: seconds to wait for a connection and for each reply (AICROWD_EVENTS_TIMEOUT).
        response_timeout: seconds to wait for the answer to an event that has one
            (AICROWD_EVENTS_RESPONSE_TIMEOUT).
    """

    host: str
    port: str
    db: str
    password: str | None
    channel: str
    response_channel: str
    agent_id: str
    timeout: float
    response_timeout: float


@dataclass(frozen=True)
class Launch:
    """The processes that torchrun started together; one process without torchrun.

    Attributes:
        num_processes: on all machines (WORLD_SIZE).
        num_local: on this machine (LOCAL_WORLD_SIZE).
        number: of this process among all, from 0 (RANK).
    """

    num_processes: int = 1
    num_local: int = 1
    number: int = 0


def read_cache_path() -> Path:
    """Names the folder for files that can be made again (XDG_CACHE_HOME, by default ~/.cache)."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not folder.is_absolute():
        try:
            folder = Path.home() / ".cache"
        except RuntimeError:  # there is no home
            folder = Path(tempfile.gettempdir())
    return folder / "disentanglement-submission"


def is_grading() -> bool:
    """Says whether this is the evaluation server: one of the two switches is set, even to nothing.

    `python.sh` has the same rule for the shell.
    """
    return _switch() is not None


def _switch() -> str | None:
    """Names the prefix of the switch that is set; the current one wins over the older one."""
    return next((p for p in ("AICROWD", "CROWDAI") if f"{p}_IS_GRADING" in os.environ), None)


def let_threads_sleep() -> None:
    """Makes threads without work sleep soon; takes effect if PyTorch is not imported yet."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


def is_debugging() -> bool:
    """Says whether every error shows its traceback (DISENTANGLE_DEBUG).

    Raises:
        InputError: if the value means neither yes nor no.
    """
    return _flag("DISENTANGLE_DEBUG", os.environ.get("DISENTANGLE_DEBUG", ""))


def user_path(text: str) -> Path:
    """Makes a path of what a user wrote: `~` and `~name` are home folders.

    Raises:
        InputError: if there is no such home folder.

    Example:
        >>> user_path("~/out") == Path.home() / "out"
        True
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError(
            f"expected ~ or ~USER with a known home folder, got {text!r}; write the folder's path"
        ) from error


def read_launch() -> Launch:
    """Reads the variables that torchrun sets; an InputError names those that are no numbers."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return Launch()
    found = {name: os.environ.get(name, "") for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK")}
    if wrong := {name: value for name, value in found.items() if not value.isdecimal()}:
        raise InputError(
            f"expected whole numbers beside TORCHELASTIC_RUN_ID, got {wrong}; start the program "
            "with torchrun, or unset TORCHELASTIC_RUN_ID"
        )
    return Launch(*map(int, found.values()))


def _flag(name: str, value: str) -> bool:
    word = value.strip().lower()
    if word in FALSE_WORDS:
        return False
    if word in TRUE_WORDS:
        return True
    raise InputError(f"expected {name} to be one of true/1/yes/on/false/0/no/off, got {value!r}")


def _text(name: str, default: str) -> str:
    return os.environ.get(name, "").strip() or default


def read_environment() -> Environment:
    """Reads the variables of the evaluation server's contract; an unset one has a local default.

    AICROWD_CUDA that is set to nothing means the CPU.

    Raises:
        InputError: if a switch means neither yes nor no, the experiment's name is not a plain
            folder name, a home folder is unknown, or the server names no data set.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict(os.environ, AICROWD_DATASET_NAME="mpi3d_toy"):
        ...     read_environment().dataset_name
        'mpi3d_toy'
    """
    name = _text("AICROWD_EVALUATION_NAME", "experiment_name")
    if name in {".", ".."} or "/" in name:
        raise InputError(
            "expected a folder's name, without a slash, for the run (./run.sh PRESET NAME, or "
            f"AICROWD_EVALUATION_NAME), got {name!r}"
        )
    dataset = _text("AICROWD_DATASET_NAME", "" if is_grading() else "standin_real")
    if not dataset:
        raise InputError(
            "expected AICROWD_DATASET_NAME to name the data set while grading, got none; set it, "
            f"or unset {_switch()}_IS_GRADING for a local run"
        )
    cuda = os.environ.get("AICROWD_CUDA")
    return Environment(
        output_path=user_path(_text("AICROWD_OUTPUT_PATH", "./scratch/shared")),
        evaluation_name=name,
        dataset_name=dataset,
        data_path=user_path(_text("DISENTANGLEMENT_LIB_DATA", "./scratch/dataset")),
        is_grading=is_grading(),
        cuda=None if cuda is None else _flag("AICROWD_CUDA", cuda),
    )


def read_event_service() -> EventService | None:
    """Reads where events go; each variable begins with AICROWD_ or, as in older servers, CROWDAI_.

    A channel without a name of its own has the name of its variable, with the switch's prefix.

    Returns:
        The service, or None when this is not the evaluation server.

    Raises:
        InputError: if a waiting time is not a positive number of seconds.
    """
    prefix = _switch()
    if prefix is None:
        return None

    def read(name: str, default: str) -> str:
        return _text(f"AICROWD_{name}", _text(f"CROWDAI_{name}", default))

    return EventService(
        host=read("REDIS_HOST", "localhost"),
        port=read("REDIS_PORT", "6379"),
        db=read("REDIS_DB", "0"),
        password=read("REDIS_PASSWORD", "") or None,
        channel=read("REDIS_COMMUNICATION_CHANNEL", f"{prefix}_REDIS_COMMUNICATION_CHANNEL"),
        response_channel=read("BLOCKING_RESPONSE_CHANNEL", f"{prefix}_BLOCKING_RESPONSE_CHANNEL"),
        agent_id=read("AGENT_ID", "undefined"),
        timeout=_seconds("AICROWD_EVENTS_TIMEOUT", read("EVENTS_TIMEOUT", "5")),
        response_timeout=_seconds(
            "AICROWD_EVENTS_RESPONSE_TIMEOUT", read("EVENTS_RESPONSE_TIMEOUT", "60")
        ),
    )


def _seconds(name: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise InputError(f"expected {name} to be a positive number of seconds, got {value!r}")
    return seconds
