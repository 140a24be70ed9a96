"""What a user does wrong ends in one line and a non-zero status."""

from collections.abc import Callable
from pathlib import Path

import pytest

from submission.cli import COMMANDS, main
from submission.config.configuration import Configuration, load_configuration
from submission.data.standin.render import render_file

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("AICROWD_OUTPUT_PATH", str(tmp_path / "shared"))
    monkeypatch.setenv("DISENTANGLEMENT_LIB_DATA", str(tmp_path / "dataset"))
    for name in ("AICROWD_IS_GRADING", "AICROWD_EVALUATION_NAME", "AICROWD_DATASET_NAME"):
        monkeypatch.delenv(name, raising=False)

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
    assert status not in (0, 130)
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
    assert_one_line(run("train", "--set", "Extract.memory_limit = 1000"), "error:", "memory")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    for name in COMMANDS:
        assert name in printed
