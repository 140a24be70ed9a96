from pathlib import Path

import pytest

from submission.server.environment import Launch, read_environment, read_launch


@pytest.mark.parametrize("word", ["false", "False", "0", "no", "OFF", ""])
def test_every_way_to_say_no_means_the_cpu(word: str) -> None:
    assert read_environment({"AICROWD_CUDA": word}).cuda is False


@pytest.mark.parametrize("word", ["true", "True", "1", "yes", "ON"])
def test_every_way_to_say_yes_means_a_gpu(word: str) -> None:
    assert read_environment({"AICROWD_CUDA": word}).cuda is True


def test_without_a_word_the_machine_decides() -> None:
    assert read_environment({}).cuda is None


def test_a_word_that_is_neither_is_refused() -> None:
    with pytest.raises(ValueError, match="AICROWD_CUDA"):
        read_environment({"AICROWD_CUDA": "maybe"})


def test_defaults_are_local() -> None:
    environment = read_environment({})
    assert environment.dataset_name == "standin_real"
    assert environment.model_path == Path(
        "scratch/shared/experiment_name/representation/pytorch_model.pt"
    )
    assert not environment.is_grading


def test_grading_is_set_at_all_and_needs_a_data_set() -> None:
    with pytest.raises(ValueError, match="AICROWD_DATASET_NAME"):
        read_environment({"AICROWD_IS_GRADING": ""})
    variables = {"AICROWD_IS_GRADING": "", "AICROWD_DATASET_NAME": "mpi3d_real"}
    assert read_environment(variables).is_grading


@pytest.mark.parametrize("name", ["..", ".", "a/b", "/tmp"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="AICROWD_EVALUATION_NAME"):
        read_environment({"AICROWD_EVALUATION_NAME": name})


def test_torchrun_says_how_many_processes_there_are() -> None:
    words = {"WORLD_SIZE": "6", "LOCAL_WORLD_SIZE": "3", "RANK": "4"}
    assert read_launch(words) == Launch(1, 1, 0)
    assert read_launch({**words, "TORCHELASTIC_RUN_ID": "none"}) == Launch(6, 3, 4)
