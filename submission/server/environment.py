"""The evaluation server's environment variables; the only reader of `os.environ`."""

import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from submission.errors import InputError

__all__ = [
    "Environment",
    "EventService",
    "Launch",
    "read_cache_path",
    "read_environment",
    "read_event_service",
    "read_launch",
]

FALSE_WORDS = frozenset({"", "false", "0", "no", "off"})
TRUE_WORDS = frozenset({"true", "1", "yes", "on"})


@dataclass(frozen=True)
class Environment:
    """Where a run reads and writes, as the server or the local defaults say.

    Attributes:
        output_path: folder that holds one folder per experiment (AICROWD_OUTPUT_PATH).
        evaluation_name: name of the experiment (AICROWD_EVALUATION_NAME).
        dataset_name: name of the data set, disentanglement_lib's names (AICROWD_DATASET_NAME).
        data_path: folder of the data sets (DISENTANGLEMENT_LIB_DATA).
        is_grading: whether this is the evaluation server (AICROWD_IS_GRADING set at all).
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
        """The folder of what is known of the training: settings, curves, codes."""
        return self.experiment_path / "training"

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
    """The evaluation server's event service, as the server names it.

    Attributes:
        host: of the Redis server (AICROWD_REDIS_HOST).
        port: its port, as it was given (AICROWD_REDIS_PORT).
        db: number of its database, as it was given (AICROWD_REDIS_DB).
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
    """The processes that torchrun has started together; one when it has not.

    Attributes:
        num_processes: on all machines (WORLD_SIZE).
        num_local: on this machine (LOCAL_WORLD_SIZE).
        number: of this process among all, from 0 (RANK).
    """

    num_processes: int = 1
    num_local: int = 1
    number: int = 0


def read_cache_path(variables: Mapping[str, str] | None = None) -> Path:
    """Names the folder for files that can be made again (XDG_CACHE_HOME, by default ~/.cache).

    Args:
        variables: the variables; those of the process when None.
    """
    given = os.environ if variables is None else variables
    folder = Path(given.get("XDG_CACHE_HOME", ""))
    if not folder.is_absolute():
        try:
            folder = Path.home() / ".cache"
        except RuntimeError:  # there is no home
            folder = Path(tempfile.gettempdir())
    return folder / "disentanglement-submission"


def read_launch(variables: Mapping[str, str] | None = None) -> Launch:
    """Reads the variables that torchrun sets.

    Args:
        variables: the variables; those of the process when None.
    """
    given = os.environ if variables is None else variables
    if "TORCHELASTIC_RUN_ID" not in given:
        return Launch()
    names = ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK")
    return Launch(*(int(given[name]) for name in names))


def _flag(name: str, value: str) -> bool:
    word = value.strip().lower()
    if word in FALSE_WORDS:
        return False
    if word in TRUE_WORDS:
        return True
    raise InputError(f"expected {name} to be one of true/1/yes/on/false/0/no/off, got {value!r}")


def read_environment(variables: Mapping[str, str] | None = None) -> Environment:
    """Reads the variables of the evaluation server's contract, with local defaults.

    Args:
        variables: the variables; those of the process when None.

    Raises:
        ValueError: if a switch is neither true nor false, the experiment's name is not a plain
            folder name, or the server names no data set.
    """
    variables = os.environ if variables is None else variables
    name = variables.get("AICROWD_EVALUATION_NAME") or "experiment_name"
    if name in {".", ".."} or "/" in name or "\0" in name:
        raise InputError(
            f"expected AICROWD_EVALUATION_NAME to be the name of a folder, got {name!r}"
        )
    is_grading = "AICROWD_IS_GRADING" in variables
    dataset = variables.get("AICROWD_DATASET_NAME", "")
    if not dataset:
        if is_grading:
            raise InputError("expected AICROWD_DATASET_NAME to name the data set while grading")
        dataset = "standin_real"
    cuda = variables.get("AICROWD_CUDA")
    return Environment(
        output_path=Path(variables.get("AICROWD_OUTPUT_PATH") or "./scratch/shared"),
        evaluation_name=name,
        dataset_name=dataset,
        data_path=Path(variables.get("DISENTANGLEMENT_LIB_DATA") or "./scratch/dataset"),
        is_grading=is_grading,
        cuda=None if cuda is None else _flag("AICROWD_CUDA", cuda),
    )


def read_event_service(variables: Mapping[str, str] | None = None) -> EventService | None:
    """Reads where events go; each variable may begin with AICROWD_ or, as before, with CROWDAI_.

    Channels that are not named have the names of their variables, as the switch spells them.

    Args:
        variables: the variables; those of the process when None.

    Returns:
        The service, or None when nothing says that this is the evaluation server.

    Raises:
        ValueError: if a waiting time is not a positive number of seconds.
    """
    given = os.environ if variables is None else variables
    if not {"AICROWD_IS_GRADING", "CROWDAI_IS_GRADING"} & given.keys():
        return None

    spelling = "AICROWD" if "AICROWD_IS_GRADING" in given else "CROWDAI"

    def read(name: str, default: str) -> str:
        return given.get(f"AICROWD_{name}") or given.get(f"CROWDAI_{name}") or default

    return EventService(
        host=read("REDIS_HOST", "localhost"),
        port=read("REDIS_PORT", "6379"),
        db=read("REDIS_DB", "0"),
        password=read("REDIS_PASSWORD", "") or None,
        channel=read("REDIS_COMMUNICATION_CHANNEL", f"{spelling}_REDIS_COMMUNICATION_CHANNEL"),
        response_channel=read("BLOCKING_RESPONSE_CHANNEL", f"{spelling}_BLOCKING_RESPONSE_CHANNEL"),
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
