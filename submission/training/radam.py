"""RAdam computed by the fused kernel of Adam (Liu et al. 2019, algorithm 2)."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

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


class FusedRAdam(torch.optim.Adam):
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
        super().__init__(parameters, lr, betas, fused=True)
        self._step_supports_amp_scaling = False  # a scaler shall leave out steps, not the kernel
        for group in self.param_groups:
            group |= {"num_steps": 0, "decay": weight_decay}

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
