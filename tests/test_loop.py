"""The one loop of every training, on a training of one weight."""

import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from submission.config.settings import FitSettings
from submission.errors import InputError, Stopped
from submission.training.checkpoint import CheckpointFile, require_same_settings
from submission.training.loop import Task, run_loop


class Halving(Task):
    """Halves a weight at every step; `spoilt` puts a value into weight or loss after a step."""

    name = "halving"
    rate_setting = "Test.learning_rate"
    num_steps = 8
    network: nn.Linear

    def __init__(self, spoilt: dict[str, tuple[int, float]] | None = None) -> None:
        self.network = nn.Linear(1, 1, bias=False).requires_grad_(requires_grad=False)
        nn.init.ones_(self.network.weight)
        self.steps_here = 0
        self.spoilt = spoilt or {}
        self.signal_at = -1

    def take_step(self) -> Tensor:
        self.network.weight /= 2
        self.steps_done += 1
        self.steps_here += 1
        loss = self.network.weight.sum().clone()
        for what, (step, value) in self.spoilt.items():
            if step == self.steps_done:
                (self.network.weight if what == "weight" else loss).fill_(value)
        if self.steps_done == self.signal_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss

    def state(self) -> dict[str, Any]:
        return {"step": self.steps_done, "network": self.network.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.steps_done = state["step"]
        self.network.load_state_dict(state["network"])


def checkpoint(folder: Path, seconds: float = 0.0, data: str = "a") -> CheckpointFile:
    settings = FitSettings(checkpoint_seconds=seconds)
    return CheckpointFile(folder / "test.ckpt", settings, {"data": data})


def test_all_steps_are_taken_and_their_share_is_reported(tmp_path: Path) -> None:
    task, shares = Halving(), list[float]()
    run_loop(task, checkpoint(tmp_path), shares.append)
    assert task.network.weight.item() == 2.0**-8
    assert shares == [step / 8 for step in range(1, 9)]


def test_a_finished_training_is_restored_without_a_step(tmp_path: Path) -> None:
    run_loop(Halving(), checkpoint(tmp_path))
    again = Halving()
    run_loop(again, checkpoint(tmp_path))
    assert again.steps_here == 0
    assert again.network.weight.item() == 2.0**-8


def test_a_stopped_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    stopped = Halving()
    stopped.signal_at = 3
    with pytest.raises(Stopped, match=r"step 3 of 8 of the halving.*continues") as found:
        run_loop(stopped, checkpoint(tmp_path, seconds=1e9))
    assert found.value.signal_number == signal.SIGTERM
    again = Halving()
    run_loop(again, checkpoint(tmp_path, seconds=1e9))
    assert again.steps_here == 5
    assert again.network.weight.item() == 2.0**-8


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("what", ["loss", "weight"])
@pytest.mark.parametrize("step", [4, 8])
def test_nothing_that_is_not_finite_is_stored(
    tmp_path: Path, what: str, step: int, value: float
) -> None:
    task = Halving({what: (step, value)})
    with pytest.raises(ValueError, match=rf"step {step}\b.*Test\.learning_rate.*test\.ckpt"):
        run_loop(task, checkpoint(tmp_path))
    again = Halving()
    again.restore(checkpoint(tmp_path).load() or {})
    assert again.steps_done == step - 1
    assert again.network.weight.item() == 2.0 ** -(step - 1)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    run_loop(Halving(), checkpoint(tmp_path))
    with pytest.raises(InputError, match=r"test\.ckpt.*other data.*delete it"):
        run_loop(Halving(), checkpoint(tmp_path, data="b"))


def test_a_checkpoint_of_other_settings_names_them_before_and_at_the_start(tmp_path: Path) -> None:
    path = checkpoint(tmp_path).path
    require_same_settings(path, FitSettings(seed=7))  # no file
    run_loop(Halving(), checkpoint(tmp_path))
    require_same_settings(path, FitSettings(checkpoint_seconds=5.0))
    other = FitSettings(seed=7, encoder_widths=(8, 4))
    named = r"test\.ckpt.*Fit\.encoder_widths.*\[8, 4\].*Fit\.seed = 0 \(now 7\).*delete it"
    with pytest.raises(InputError, match=named) as before:
        require_same_settings(path, other)
    with pytest.raises(InputError, match=named) as at_start:
        CheckpointFile(path, other, {"data": "a"}).load()
    for found in (before, at_start):
        assert "Fit.num_epochs" not in str(found.value)


def test_a_checkpoint_without_facts_is_refused_at_the_start(tmp_path: Path) -> None:
    """Earlier versions wrote none."""
    torch.save({"identity": "0" * 64, "state": {}}, tmp_path / "test.ckpt")
    require_same_settings(tmp_path / "test.ckpt", FitSettings())
    with pytest.raises(InputError, match=r"test\.ckpt.*delete it"):
        checkpoint(tmp_path).load()


def test_a_damaged_checkpoint_is_refused_whatever_byte_is_another(tmp_path: Path) -> None:
    file = checkpoint(tmp_path)
    assert file.load() is None
    weight = torch.arange(64.0)
    file.save({"step": 3, "weight": weight})
    whole = file.path.read_bytes()
    places = [whole.index(part) for part in (b"Fit.seed", torch.arange(9.0, 12).numpy().tobytes())]
    damaged = [whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :] for at in places]
    for content in [*damaged, whole[:-50], whole[: len(whole) // 2], b"", b"text\n", b"PK\3\4"]:
        file.path.write_bytes(content)
        with pytest.raises(InputError, match=r"test\.ckpt.*delete it"):
            file.load()
        with pytest.raises(InputError, match=r"test\.ckpt.*delete it"):
            require_same_settings(file.path, FitSettings())
    file.path.write_bytes(whole)
    assert torch.equal((file.load() or {})["weight"], weight)


@pytest.mark.parametrize("content", [{"facts": 3}, {"facts": "text"}, {"facts": "[]"}, [1], {}])
def test_another_programs_checkpoint_is_refused_at_the_start(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "test.ckpt")
    with pytest.raises(InputError, match=r"test\.ckpt.*delete it"):
        checkpoint(tmp_path).load()


def test_a_checkpoint_that_cannot_be_written_costs_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Large(CheckpointFile):
        def save(self, state: dict[str, Any]) -> None:
            super().save({**state, "large": torch.zeros(1 << 20)})

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    task = Halving()
    try:
        run_loop(task, Large(tmp_path / "test.ckpt", FitSettings(checkpoint_seconds=0.0), {}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert task.network.weight.item() == 2.0**-8
    assert capsys.readouterr().out.count("warning: ") == 1
    assert list(tmp_path.iterdir()) == []
