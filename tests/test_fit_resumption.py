"""A VAE's training stops, continues and refuses as every loop does."""

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from submission.config.settings import FitSettings
from submission.errors import InputError, Stopped
from submission.training.checkpoint import CheckpointFile
from submission.training.loop import run_loop
from submission.training.precision import Precision
from submission.training.vae.task import VAETask
from tests.vae_training import (
    CPU,
    SINGLE,
    SMALL,
    STAGE1,
    assert_same,
    epoch_order,
    features,
    make_task,
    trained,
)


def checkpoint_of(task: VAETask, folder: Path = Path()) -> CheckpointFile:
    return CheckpointFile(folder / "fit.ckpt", task.settings, task.facts())


def run_with_checkpoint(
    task: VAETask, folder: Path, report: Callable[[float], object] = lambda share: None
) -> VAETask:
    """Trains from the checkpoint in a folder, if there is one, to the end."""
    run_loop(task, checkpoint_of(task, folder), report)
    task.network.eval()
    return task


@pytest.mark.parametrize("settings", [SMALL, STAGE1], ids=["paper", "stage1"])
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_training_ends_with_the_bytes_of_an_undisturbed_one(
    tmp_path: Path, settings: FitSettings, kind: signal.Signals
) -> None:
    done = 0
    for stop_after in (1, 5, 6, 4):  # in the midst of an epoch, at its end, after it
        taken: list[float] = []

        def report(share: float, taken: list[float] = taken, last: int = stop_after) -> None:
            taken.append(share)
            if len(taken) == last:
                os.kill(os.getpid(), kind)

        done += stop_after
        with pytest.raises(Stopped, match=f"step {done} of 18"):
            run_with_checkpoint(make_task(settings), tmp_path, report)
        assert taken[-1] == pytest.approx(done / 18)
    resumed = run_with_checkpoint(make_task(settings), tmp_path)
    assert_same(resumed, trained(features(), settings))


def test_how_often_checkpoints_are_written_is_no_fact_of_the_run() -> None:
    often = dataclasses.replace(SMALL, checkpoint_seconds=0.0)
    assert checkpoint_of(make_task(often)).facts == checkpoint_of(make_task()).facts


def test_settings_features_and_precision_are_facts_of_the_run() -> None:
    bfloat16 = Precision(torch.bfloat16, "test")
    tasks = [
        make_task(),
        make_task(dataclasses.replace(SMALL, seed=1)),
        VAETask(features()[:99], SMALL, CPU, SINGLE),
        VAETask(features().flip(0), SMALL, CPU, SINGLE),
        VAETask(features().half(), SMALL, CPU, SINGLE),
        VAETask(features(), SMALL, CPU, bfloat16),
    ]
    assert len({str(checkpoint_of(task).facts) for task in tasks}) == len(tasks)


def test_a_loss_that_is_no_number_stops_at_its_step_with_the_last_good_state(
    tmp_path: Path,
) -> None:
    rows = features()
    rows[3] = float("nan")
    order = torch.randperm(100, generator=epoch_order(SMALL, 0))
    batch = int((order == 3).nonzero()) // 16
    assert 0 < batch < 6
    often = dataclasses.replace(SMALL, checkpoint_seconds=0.0)
    message = rf"nan at step {batch + 1} of 18.*Fit\.learning_rate.*fit\.ckpt"
    with pytest.raises(InputError, match=message):
        run_with_checkpoint(VAETask(rows, often, CPU, SINGLE), tmp_path)
    good = VAETask(rows, often, CPU, SINGLE)
    state = checkpoint_of(good, tmp_path).load()
    assert state is not None
    good.restore(state)
    assert good.steps_done == batch
    assert all(value.isfinite().all() for value in good.network.state_dict().values())


def test_curves_that_cannot_be_written_meanwhile_cost_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    task = VAETask(features(), SMALL, CPU, SINGLE, None, tmp_path / "file/training")
    while task.steps_done < task.num_steps:
        task.take_step()
    assert capsys.readouterr().out.count("warning") == 1
    assert_same(task, trained(features()))


def test_too_few_features_are_refused() -> None:
    with pytest.raises(InputError, match=r"Fit\.batch_size.*15.*16"):
        trained(features(15))
