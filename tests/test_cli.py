"""What a user got wrong is one line that says the way out; the options of every command."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from submission.cli import main
from submission.config.configuration import Configuration, load_configuration
from submission.data.standin.render import render_file
from submission.server.environment import SPINS
from tests.run_variables import set_variables

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    set_variables(monkeypatch, tmp_path)
    monkeypatch.delenv("DISENTANGLE_DEBUG", raising=False)

    def call(*words: str) -> tuple[int, str]:
        status = main(words)
        return status, capsys.readouterr().err.strip()

    return call


def render(folder: Path) -> Path:
    path = folder / "dataset/standin_real/standin_real.npz"
    render_file("standin_real", (2, 2, 1, 1, 1, 2, 2), path)
    return path


def assert_one_line(outcome: tuple[int, str], *words: str) -> None:
    status, error = outcome
    assert status in (1, 2)
    last = error.splitlines()[-1]
    assert "Traceback" not in error
    for word in words:
        assert word in last


def test_missing_data(run: Run) -> None:
    assert_one_line(run("train"), "error:", "standin_real.npz", "data render")


def test_a_truncated_file(run: Run, tmp_path: Path) -> None:
    path = render(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    assert_one_line(run("train"), "error:", "standin_real.npz")


def test_a_file_of_wrong_sizes(run: Run, tmp_path: Path) -> None:
    import numpy as np

    path = render(tmp_path)
    np.savez(path, images=np.zeros((7, 64, 64, 3), np.uint8), factor_sizes=np.array([2] * 7))
    assert_one_line(run("train"), "error:", "128", "7 images")


def test_missing_weights(run: Run, tmp_path: Path) -> None:
    render(tmp_path)
    override = f"Extract.weights = '{tmp_path}/none.safetensors'"
    assert_one_line(run("train", "--set", override), "error:", "none.safetensors", "finetune")


def test_wrong_weights(run: Run, tmp_path: Path) -> None:
    render(tmp_path)
    (tmp_path / "w.safetensors").write_bytes(b"wrong")
    (tmp_path / "w.json").write_text('{"sha256": "0"}')
    override = f"Extract.weights = '{tmp_path}/w.safetensors'"
    assert_one_line(run("train", "--set", override), "error:", "sha256")


def test_an_unknown_setting(run: Run) -> None:
    assert_one_line(run("train", "--set", "Fit.epochs = 3"), "error:", "Fit.num_epochs")


def test_a_missing_configuration(run: Run) -> None:
    assert_one_line(run("train", "none.gin"), "error:", "none.gin", "configs/")


def test_an_output_that_is_a_file(run: Run, tmp_path: Path) -> None:
    render(tmp_path)
    (tmp_path / "shared").write_text("in the way")
    assert_one_line(run("train"), "error:", "shared")
    assert (tmp_path / "shared").read_text() == "in the way"


@pytest.mark.parametrize(
    "words",
    [("finetune", "--data", "standin_toy"), ("score", "none.npz"), ("report",), ("compare", "x")],
)
def test_an_output_that_cannot_be_made_is_refused_before_the_work(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("")
    output = tmp_path / "file" / "folder"
    # What the commands read is not there either: they would miss it next.
    outcome = run(*words, "--output", str(output))
    assert_one_line(outcome, "expected a folder to write to", str(output))


def test_labels_of_other_colours_and_shapes_are_not_mixed(run: Run) -> None:
    outcome = run("finetune", "--data", "standin_toy", "--also", "standin_real_complex")
    assert_one_line(outcome, "standin_toy, standin_real_complex", "leave out")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--memory", "nan"), ("--memory", "-1"), ("--grid", "1,2"), ("--grid", "0,1,1,1,1,1,1")],
)
def test_a_rehearsal_without_meaning_is_refused_at_once(run: Run, option: str, value: str) -> None:
    status, message = run("rehearse", option, value)
    assert status == 2
    assert option in message


def test_a_seed_that_no_draw_takes_is_refused_before_the_work(run: Run) -> None:
    status, message = run("evaluate", "--seed", str(2**32))
    assert status == 2
    assert "--seed" in message
    assert str(2**32 - 1) in message


def test_nothing_to_evaluate(run: Run, tmp_path: Path) -> None:
    render(tmp_path)
    assert_one_line(run("evaluate"), "error:", "pytorch_model.pt", "train_pytorch.py")


def test_an_unknown_metric(run: Run) -> None:
    assert_one_line(run("evaluate", "--metric", "beta"), "beta")


def test_an_unknown_command(run: Run) -> None:
    assert_one_line(run("trian"), "trian")


def test_a_run_that_fails_leaves_its_settings_and_the_earlier_ones(
    run: Run, tmp_path: Path
) -> None:
    render(tmp_path)
    notes = tmp_path / "shared/experiment_name/training"
    notes.mkdir(parents=True)
    (notes / "configuration.gin").write_text("# of an earlier model")
    words = [f"--set=Fit.{setting}" for setting in ("batch_size=8", "learning_rate=1e30")]
    assert_one_line(run("train", "configs/quick.gin", *words), "error:", "Fit.learning_rate")
    assert (notes / "configuration.gin").read_text() == "# of an earlier model"
    fit = load_configuration(notes / "started.gin").fit
    assert (fit.learning_rate, fit.num_epochs) == (1e30, 30)


def test_settings_are_listed_with_what_they_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    printed = capsys.readouterr().out
    for group in Configuration().groups:
        for each in group.settings():
            assert f"  {each.name} = {each.default!r}\n      " in printed
    assert main(["settings", "configs/stage1.gin", "--set", "Fit.seed=3"]) == 0
    printed = capsys.readouterr().out
    assert "  Extract.kind = 'stage1'  (default: 'finetuned')\n" in printed
    assert "  Fit.seed = 3  (default: 0)\n" in printed


def test_a_run_that_does_not_fit_into_memory(run: Run, tmp_path: Path) -> None:
    render(tmp_path)
    words = ("--set", "Extract.memory_limit = 1000", "--set", "Fit.batch_size = 8")
    assert_one_line(run("train", *words), "error:", "memory")


@pytest.mark.parametrize("words", [["--debug", "train"], ["train", "--debug"]])
def test_debug_shows_the_traceback_of_a_mistake(run: Run, words: list[str]) -> None:
    assert "Traceback" not in run("train")[1]
    status, error = run(*words)
    assert status == 1
    assert "Traceback" in error
    assert error.splitlines()[-1].startswith("error:")


def test_a_variable_shows_the_traceback_of_a_mistake(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISENTANGLE_DEBUG", "1")
    assert "Traceback" in run("train")[1]
    monkeypatch.setenv("DISENTANGLE_DEBUG", "loud")
    assert_one_line(run("train"), "DISENTANGLE_DEBUG", "loud")


def test_an_option_may_begin_with_the_home_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    words = ("data", "check", "standin_real", "--folder=~/mine")
    assert_one_line(run(*words), "error:", f"{tmp_path}/mine/standin_real")


@pytest.mark.parametrize("word", ["", "--output="])
def test_an_empty_word_is_refused_and_not_the_present_folder(run: Run, word: str) -> None:
    assert_one_line(run("data", "show", "standin_real", word), "error:", repr(word), "standin_real")


@pytest.mark.parametrize(("before", "after"), [(None, SPINS), ("7", "7")])
def test_threads_without_work_sleep_soon_unless_the_user_says_otherwise(
    before: str | None, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    if before is not None:
        monkeypatch.setenv("GOMP_SPINCOUNT", before)
    assert main(["settings"]) == 0
    assert os.environ["GOMP_SPINCOUNT"] == after


def test_a_user_without_a_home_folder_misses_it_only_where_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert main(["settings"]) == 0
    assert main(["report", "--output=~/there"]) == 1
    assert "got '~/there'; write the folder's path" in capsys.readouterr().err


def test_a_misspelt_command_is_told_the_nearest(run: Run) -> None:
    assert_one_line(run("scor", "codes.npz"), "No such command 'scor'. Did you mean 'score'?")
    assert_one_line(run("data", "chek"), "Did you mean 'check'?")


def test_a_misspelt_data_set_is_told_the_nearest(run: Run) -> None:
    status, error = run("data", "check", "mpi3d_rael")
    assert (status, "did you mean mpi3d_real?" in error) == (2, True)
    assert "standin_realistic" not in error
    for words in (("data", "check", "x"), ("data", "render")):
        status, error = run(*words)
        assert (status, "standin_realistic" in error.splitlines()[-1]) == (2, True)


def test_a_missing_file_of_codes_is_named(run: Run, tmp_path: Path) -> None:
    assert_one_line(run("score", "none.npz"), "expected a file at none.npz, got none")
    (tmp_path / "codes.csv").write_text("z0,z1\n1,2\n")
    words = ("score", str(tmp_path / "codes.csv"), "--factors", "none.csv")
    assert_one_line(run(*words), "expected a file at none.csv, got none")
