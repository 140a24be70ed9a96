import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from submission.errors import InputError
from submission.server.environment import (
    Environment,
    Launch,
    is_debugging,
    is_grading,
    read_environment,
    read_event_service,
    read_launch,
)

ROOT = Path(__file__).parents[1]
HOME = "/somebody"
PREFIXES = ("AICROWD_", "CROWDAI_", "DISENTANGLE", "TORCHELASTIC_")

Set = Callable[[dict[str, str]], None]


@pytest.fixture
def set_variables(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Sets these variables and no others of those that are read."""

    def replace(variables: dict[str, str]) -> None:
        for name in [name for name in os.environ if name.startswith(PREFIXES)]:
            monkeypatch.delenv(name)
        for name, value in {"HOME": HOME, **variables}.items():
            monkeypatch.setenv(name, value)

    replace({})
    return replace


@pytest.fixture
def read(set_variables: Set) -> Callable[[dict[str, str]], Environment]:
    def call(variables: dict[str, str]) -> Environment:
        set_variables(variables)
        return read_environment()

    return call


Read = Callable[[dict[str, str]], Environment]


@pytest.mark.parametrize("word", ["false", "False", "0", "no", "OFF", "", " "])
def test_every_way_to_say_no_means_the_cpu(read: Read, word: str) -> None:
    assert read({"AICROWD_CUDA": word}).cuda is False


@pytest.mark.parametrize("word", ["true", "True", "1", "yes", "ON", " on "])
def test_every_way_to_say_yes_means_a_gpu(read: Read, word: str) -> None:
    assert read({"AICROWD_CUDA": word}).cuda is True


def test_without_a_word_the_machine_decides(read: Read) -> None:
    assert read({}).cuda is None


def test_a_word_that_is_neither_is_refused(read: Read) -> None:
    with pytest.raises(ValueError, match=r"AICROWD_CUDA.*maybe"):
        read({"AICROWD_CUDA": "maybe"})


@pytest.mark.parametrize("value", [None, "", " "])
def test_defaults_are_local(read: Read, value: str | None) -> None:
    names = ("OUTPUT_PATH", "EVALUATION_NAME", "DATASET_NAME")
    given = {f"AICROWD_{name}": value or "" for name in names}
    given["DISENTANGLEMENT_LIB_DATA"] = value or ""
    environment = read({} if value is None else given)
    assert environment.dataset_name == "standin_real"
    assert environment.data_path == Path("scratch/dataset")
    assert environment.model_path == Path(
        "scratch/shared/experiment_name/representation/pytorch_model.pt"
    )
    assert not environment.is_grading


@pytest.mark.parametrize("value", ["~/there", " ~/there", "~/there "])
def test_a_path_may_begin_with_the_home_folder(read: Read, value: str) -> None:
    environment = read({"AICROWD_OUTPUT_PATH": value, "DISENTANGLEMENT_LIB_DATA": value})
    assert environment.output_path == environment.data_path == Path(HOME, "there")


def test_a_home_folder_that_nobody_has_is_refused(read: Read) -> None:
    with pytest.raises(ValueError, match="~nobody-of-that-name/out"):
        read({"AICROWD_OUTPUT_PATH": "~nobody-of-that-name/out"})


def test_spaces_around_a_name_do_not_count(read: Read) -> None:
    environment = read({"AICROWD_EVALUATION_NAME": " mine ", "AICROWD_DATASET_NAME": "cars3d "})
    assert (environment.evaluation_name, environment.dataset_name) == ("mine", "cars3d")


@pytest.mark.parametrize("name", ["..", ".", "a/b", "/tmp", " .. "])
def test_a_name_that_leads_out_of_the_folder_is_refused(read: Read, name: str) -> None:
    with pytest.raises(ValueError, match="AICROWD_EVALUATION_NAME"):
        read({"AICROWD_EVALUATION_NAME": name})


SWITCHES = ("AICROWD_IS_GRADING", "CROWDAI_IS_GRADING")


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("value", ["", "false", "True"])
def test_either_switch_means_grading_everywhere(read: Read, switch: str, value: str) -> None:
    variables = {switch: value, "AICROWD_DATASET_NAME": "mpi3d_real"}
    assert read(variables).is_grading
    assert is_grading()
    service = read_event_service()
    assert service is not None
    assert service.channel.startswith(switch.split("_")[0])
    with pytest.raises(ValueError, match="AICROWD_DATASET_NAME"):
        read({switch: value})


def test_no_switch_means_no_grading(set_variables: Set) -> None:
    set_variables({"AICROWD_DATASET_NAME": "mpi3d_real"})
    assert not is_grading()
    assert read_event_service() is None


@pytest.mark.parametrize("switches", [(), *((switch,) for switch in SWITCHES), SWITCHES])
@pytest.mark.parametrize("value", ["", "1"])
def test_the_shell_has_the_same_rule(
    set_variables: Set, switches: tuple[str, ...], value: str
) -> None:
    set_variables(dict.fromkeys(switches, value))
    rule = [
        line for line in (ROOT / "python.sh").read_text().splitlines() if "is_grading()" in line
    ]
    done = subprocess.run(["bash", "-uc", f"{rule[0]}\nis_grading"], check=False)
    assert (done.returncode == 0) == is_grading() == bool(switches)


def test_debugging_is_asked_for(set_variables: Set) -> None:
    assert not is_debugging()
    set_variables({"DISENTANGLE_DEBUG": "1"})
    assert is_debugging()
    set_variables({"DISENTANGLE_DEBUG": "loud"})
    with pytest.raises(ValueError, match=r"DISENTANGLE_DEBUG.*loud"):
        is_debugging()


def test_torchrun_says_how_many_processes_there_are(set_variables: Set) -> None:
    words = {"WORLD_SIZE": "6", "LOCAL_WORLD_SIZE": "3", "RANK": "4"}
    set_variables(words)
    assert read_launch() == Launch(1, 1, 0)
    set_variables({**words, "TORCHELASTIC_RUN_ID": "none"})
    assert read_launch() == Launch(6, 3, 4)


@pytest.mark.parametrize("value", ["", "two", "-1", "1.5"])
@pytest.mark.parametrize("name", ["WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK"])
def test_a_launch_without_its_numbers_is_refused(set_variables: Set, name: str, value: str) -> None:
    words = {"WORLD_SIZE": "6", "LOCAL_WORLD_SIZE": "3", "RANK": "4", "TORCHELASTIC_RUN_ID": "x"}
    set_variables({**words, name: value})
    with pytest.raises(InputError, match=rf"{name}.*{value!r}.*torchrun"):
        read_launch()
