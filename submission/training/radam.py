"""RAdam computed by the fused kernel of Adam (Liu et al. 2019, algorithm 2)."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from submission.training.adam import FusedAdam, Group

__all__ = ["FusedRAdam", "rectified_step"]

EPSILON = 1e-8

DOMINANT = 2.0**60
"""So large an epsilon that Adam's denominator is this power of two, which divides exactly."""


def rectified_step(step: int, lr: float, second_decay: float) -> tuple[float, float]:
    """Returns the step size and epsilon with which a step of Adam equals a step of RAdam.

    RAdam leaves out the second moment as long as it cannot rectify the variance of the step: while
    `rho <= 5`. These are the first five steps if the second decay is 0.999.

    Args:
        step: t, counted from 1.
        lr: RAdam's step size.
        second_decay: beta 2, in (0, 1).

    Returns:
        Adam's step size and epsilon at this step.

    Example:
        >>> step_size, epsilon = rectified_step(1, lr=0.001, second_decay=0.999)
        >>> step_size / epsilon  # so large an epsilon hides the second moment
        0.001
    """
    longest = 2 / (1 - second_decay) - 1
    correction = 1 - second_decay**step
    length = longest - 2 * step * second_decay**step / correction
    if length <= 5:
        return lr * DOMINANT, DOMINANT
    rectification = ((length - 4) * (length - 2) * longest) / (
        (longest - 4) * (longest - 2) * length
    )
    return lr * rectification**0.5, EPSILON / correction**0.5


class FusedRAdam(FusedAdam):
    """RAdam with decoupled weight decay: equal to `torch.optim.RAdam`, but by a fused kernel.

    Args:
        parameters: what is trained.
        lr: the step size.
        betas: decay rates of both moments.
        weight_decay: decoupled; a step multiplies each weight by 1 - step size * decay.

    Example:
        >>> weight = torch.ones(1, requires_grad=True)
        >>> weight.sum().backward()
        >>> FusedRAdam([weight], lr=0.1, betas=(0.9, 0.999)).step()
        >>> weight.detach()
        tensor([0.9000])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float],
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, betas)
        self._step_supports_amp_scaling = False  # a scaler shall leave out steps, not the kernel
        for group in self.param_groups:
            group |= {"num_steps": 0, "decay": weight_decay}
        devices = [group["params"][0].device for group in self.param_groups]
        self._sizes = [torch.zeros((), device=device) for device in devices]
        self._endless = [torch.full((), math.inf, device=device) for device in devices]

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Takes one step; see `torch.optim.Optimizer.step`."""
        rates = [group["lr"] for group in self.param_groups]
        for group in self.param_groups:
            if group["decay"]:
                moved = [value for value in group["params"] if value.grad is not None]
                with torch.no_grad():
                    torch._foreach_mul_(moved, 1 - group["lr"] * group["decay"])
            group["num_steps"] += 1
            group["lr"], group["eps"] = rectified_step(
                group["num_steps"], group["lr"], group["betas"][1]
            )
        loss: float | None = super().step(closure)
        for group, rate in zip(self.param_groups, rates, strict=True):
            group["lr"] = rate
        return loss

    @property
    def is_settled(self) -> bool:
        """Whether all further steps may be taken by `advance` and `update`.

        That is so once all further steps have the second moment, or none has it, and if there is
        no weight decay.
        """
        return super().is_settled and all(map(_is_settled, self.param_groups))

    def advance(self) -> None:
        """Puts the size of the next step where `update` finds it."""
        for group, size in zip(self.param_groups, self._sizes, strict=True):
            group["num_steps"] += 1
            first_decay, second_decay = group["betas"]
            step_size, epsilon = rectified_step(group["num_steps"], group["lr"], second_decay)
            correction = 1 - first_decay ** group["num_steps"]
            size.fill_(step_size * _lasting_epsilon(second_decay) / epsilon / correction)

    @torch.no_grad()
    def update(self) -> None:
        """Changes weights and moments by the present gradients.

        The kernel's epsilon is a constant of a CUDA graph, but RAdam's is divided by the second
        moment's correction. So the kernel's count of steps is infinite, for which Adam
        corrects nothing. The step size that `advance` gives holds both corrections.
        """
        for group, size, endless in zip(self.param_groups, self._sizes, self._endless, strict=True):
            steps = self._steps_of(group)
            torch._foreach_add_(steps, 1)
            epsilon = _lasting_epsilon(group["betas"][1])
            self._update_group(group, [endless] * len(steps), size, epsilon)


def _is_settled(group: Group) -> bool:
    second_decay = group["betas"][1]
    _, epsilon = rectified_step(group["num_steps"] + 1, 1.0, second_decay)
    has_second_moment = epsilon < DOMINANT
    lasts = has_second_moment == (_lasting_epsilon(second_decay) < DOMINANT)
    return lasts and not group["decay"]


def _lasting_epsilon(second_decay: float) -> float:
    """Returns the epsilon that a long training ends with."""
    return rectified_step(10**9, 1.0, second_decay)[1]
