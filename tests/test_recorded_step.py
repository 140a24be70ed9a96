"""A recorded step is a step. A record computes anew here; `test_gpu_vae.py` has CUDA graphs."""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from submission.config.settings import FitSettings
from submission.training.checkpoint import CheckpointFile
from submission.training.loop import run_loop
from submission.training.vae import step
from submission.training.vae.task import VAETask
from tests.vae_training import SMALL, STAGE1, assert_same, features, make_task, trained

NEVER_RECTIFIED = dataclasses.replace(SMALL, second_moment_decay=0.5)


@pytest.fixture(autouse=True)
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replays by calling again; gives the list that each recording adds a 1 to."""
    made: list[int] = []

    def record(call: Callable[[], Tensor], warm_up: Callable[[], object]) -> Callable[[], Tensor]:
        made.append(1)
        for _ in range(3):
            warm_up()
        return call

    monkeypatch.setattr(step, "record_on_gpu", record)
    return made


def recording_task(settings: FitSettings) -> VAETask:
    task = make_task(settings)
    task._records = True
    return task


def train(task: VAETask) -> VAETask:
    while task.steps_done < task.num_steps:
        task.take_step()
    task.network.eval()
    return task


@pytest.mark.parametrize(
    ("settings", "num_direct"), [(SMALL, 5), (STAGE1, 1), (NEVER_RECTIFIED, 1)]
)
def test_recorded_steps_train_as_computed_ones(
    settings: FitSettings, num_direct: int, recordings: list[int]
) -> None:
    """RAdam's first five steps have no second moment, and are not recorded."""
    task = recording_task(settings)
    for _ in range(num_direct):
        task.take_step()
    assert recordings == []
    recorded, computed = train(task), trained(features(), settings)
    assert recordings == [1]
    for (*place, value), (*other, expected) in zip(
        recorded.curves.rows, computed.curves.rows, strict=True
    ):
        assert place == other
        assert value == pytest.approx(expected, rel=1e-5)
    for name, value in recorded.network.state_dict().items():
        torch.testing.assert_close(value, computed.network.state_dict()[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", [SMALL, STAGE1], ids=["radam", "adam"])
@pytest.mark.parametrize("last", [3, 8])
def test_a_recorded_training_that_stops_goes_on_to_the_same_bytes(
    settings: FitSettings, last: int, tmp_path: Path
) -> None:
    settings = dataclasses.replace(settings, checkpoint_seconds=0)
    begun = recording_task(settings)
    file = CheckpointFile(tmp_path / "fit.ckpt", settings, {})

    def stop(share: float) -> None:
        if begun.steps_done == last + 1:
            raise RuntimeError("a step too far")

    with pytest.raises(RuntimeError, match="a step too far"):
        run_loop(begun, file, stop)
    resumed = recording_task(settings)
    run_loop(resumed, file)
    resumed.network.eval()
    assert_same(resumed, train(recording_task(settings)))


def test_a_restored_state_is_recorded_anew(recordings: list[int]) -> None:
    """The graph would change moments that are no longer the optimiser's."""
    task = recording_task(SMALL)
    for _ in range(7):
        task.take_step()
    state = copy.deepcopy(task.state())
    task.take_step()
    task.restore(state)
    assert_same(train(task), train(recording_task(SMALL)))
    assert len(recordings) == 3


def test_a_cpu_records_nothing(recordings: list[int]) -> None:
    train(make_task())
    assert recordings == []
