"""The one loop of every training: steps, checkpoints, stopping by signal, and continuing."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from submission.console import progress_bar, say
from submission.errors import InputError, Stopped
from submission.training.checkpoint import CheckpointFile
from submission.training.devices import Devices
from submission.training.interruption import stop_requested

__all__ = ["Task", "run_loop"]

STEPS_PER_CHECK = 100
"""Steps between two checks of the losses on a GPU. Each check waits for the GPU."""


class Task(ABC):
    """A training, told step by step. Its state decides all further steps.

    Attributes:
        name: what the training is called, such as "finetuning".
        rate_setting: the setting to lower when the training diverges, such as "Fit.learning_rate".
        network: the module that is trained.
        num_steps: number of steps of the whole training.
        steps_done: number of steps taken, those before a restart included.
    """

    name: ClassVar[str]
    rate_setting: ClassVar[str]
    network: nn.Module
    num_steps: int
    steps_done: int = 0
    _optimizer: torch.optim.Optimizer

    @abstractmethod
    def take_step(self) -> Tensor:
        """Takes one step. Returns its loss, a scalar tensor that no later step changes."""

    def state(self) -> dict[str, Any]:
        """Returns what a checkpoint holds: tensors, numbers, strings and containers of them."""
        return {
            "step": self.steps_done,
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a state that `state` returned."""
        self.steps_done = state["step"]
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])


def run_loop(
    task: Task,
    checkpoint: CheckpointFile,
    report: Callable[[float], object] = lambda share: None,
    together: Devices | None = None,
) -> None:
    """Takes all steps of a training, from its checkpoint on if there is one.

    A checkpoint is written when one is due, when the process receives SIGTERM or SIGINT, and after
    the last step. It never holds weights that are not finite.

    Args:
        task: the training.
        checkpoint: file to continue from and to write.
        report: called after each step with the share of steps done, in [0, 1].
        together: the processes, if all of them run this loop; the first one writes. None if this
            process trains alone.

    Raises:
        InputError: if the checkpoint is of another run, or a loss or weight is not finite.
        Stopped: if a signal stopped the training.
    """
    _continue(task, checkpoint, together)
    saved_at = time.monotonic()
    unchecked: list[Tensor] = []
    with (
        stop_requested() as stop,
        progress_bar(task.num_steps, task.name, " steps", initial=task.steps_done) as bar,
    ):
        while task.steps_done < task.num_steps:
            loss = task.take_step()
            unchecked.append(loss)
            bar.update()
            report(task.steps_done / task.num_steps)
            due = time.monotonic() - saved_at >= checkpoint.seconds
            received, due = _agreed(together, stop(), due)
            due = due or received > 0 or task.steps_done == task.num_steps
            if due or loss.device.type == "cpu" or len(unchecked) == STEPS_PER_CHECK:
                last = _require_finite_losses(task, unchecked, checkpoint)
                bar.set_postfix(loss=f"{last:.3f}", refresh=False)
                unchecked.clear()
            if due:
                _require_finite_weights(task, checkpoint)
                if together is None or together.is_first:
                    checkpoint.save(task.state())
                if together is not None:
                    together.fabric.barrier()  # else torchrun could end the one that still writes
                saved_at = time.monotonic()
            if received:
                way_on = "continues" if checkpoint.is_current else "repeats what was not stored"
                raise Stopped(
                    f"stopped at step {task.steps_done} of {task.num_steps} of the {task.name}; "
                    f"the same command {way_on}",
                    received,
                )


def _continue(task: Task, checkpoint: CheckpointFile, together: Devices | None) -> None:
    if (state := checkpoint.load()) is not None:
        task.restore(state)
        say(
            f"continuing from step {task.steps_done} of {task.num_steps} of the {task.name} "
            f"({checkpoint.path})"
        )
    if together is not None:
        own = (checkpoint.facts, task.steps_done)
        if together.fabric.broadcast(own) != own:
            raise InputError(
                "expected data, settings and checkpoint to be the same in every process, got "
                f"others in process {together.number}; use an output folder that all machines share"
            )


def _agreed(together: Devices | None, received: int, due: bool) -> tuple[int, bool]:
    """Returns the signal that any process received, and whether any wants a checkpoint."""
    if together is None or together.num_processes == 1:
        return received, due
    both = torch.tensor([received, due], dtype=torch.float32, device=together.device)
    largest, wanted = together.reduce(both, "max").tolist()
    return int(largest), wanted > 0


def _require_finite_losses(task: Task, losses: list[Tensor], checkpoint: CheckpointFile) -> float:
    """Returns the last loss."""
    values: list[float] = torch.stack(losses).tolist()
    for number, loss in enumerate(values, task.steps_done - len(values) + 1):
        if not math.isfinite(loss):
            raise _diverged(task, f"a finite loss, got {loss} at step {number}", checkpoint)
    return values[-1]


def _require_finite_weights(task: Task, checkpoint: CheckpointFile) -> None:
    for name, value in task.network.state_dict().items():
        if not value.isfinite().all():
            found = f"finite weights, got NaN or infinity in {name} after step {task.steps_done}"
            raise _diverged(task, found, checkpoint)


def _diverged(task: Task, found: str, checkpoint: CheckpointFile) -> InputError:
    stored = f"; the last good state is in {checkpoint.path}" if checkpoint.path.exists() else ""
    return InputError(
        f"expected {found} of {task.num_steps} of the {task.name}; lower {task.rate_setting}"
        + stored
    )
