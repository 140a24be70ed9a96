"""Adam by its fused kernel, whose step a CUDA graph may hold."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

__all__ = ["FusedAdam", "Group"]

Group = dict[str, Any]
"""Parameters with their settings, as an optimiser keeps them."""


class FusedAdam(torch.optim.Adam):
    """Adam by its fused kernel.

    A CUDA graph holds the launches of `update`. It is replayed after each call of `advance`. The
    two together are one `step`, up to rounding.

    Args:
        parameters: what is trained.
        lr: the step size.
        betas: decay rates of both moments.

    Example:
        >>> weight = torch.ones(1, requires_grad=True)
        >>> optimizer = FusedAdam([weight], lr=0.1, betas=(0.9, 0.999))
        >>> weight.grad = torch.ones(1)
        >>> optimizer.step()  # the first one makes the moments
        >>> optimizer.advance()
        >>> optimizer.update()
        >>> weight.detach()
        tensor([0.8000])
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, betas: tuple[float, float]) -> None:
        super().__init__(parameters, lr, betas, fused=True)

    @property
    def is_settled(self) -> bool:
        """Whether all further steps may be taken by `advance` and `update`."""
        return len(self.state) > 0

    def advance(self) -> None:
        """Puts what changes from step to step where the next `update` finds it."""

    @torch.no_grad()
    def update(self) -> None:
        """Changes weights and moments by the present gradients."""
        for group in self.param_groups:
            self._update_group(group, self._steps_of(group), group["lr"], group["eps"])

    def _steps_of(self, group: Group) -> list[Tensor]:
        return [self.state[value]["step"] for value in group["params"] if value.grad is not None]

    def _update_group(
        self, group: Group, steps: list[Tensor], lr: float | Tensor, epsilon: float
    ) -> None:
        """Launches the kernel; first it counts the steps up by one."""
        values = [value for value in group["params"] if value.grad is not None]
        first_decay, second_decay = group["betas"]
        adam(
            values,
            [value.grad for value in values],
            [self.state[value]["exp_avg"] for value in values],
            [self.state[value]["exp_avg_sq"] for value in values],
            [],
            steps,
            fused=True,
            capturable=True,
            amsgrad=False,
            beta1=first_decay,
            beta2=second_decay,
            lr=lr,
            weight_decay=0.0,
            eps=epsilon,
            maximize=False,
        )
