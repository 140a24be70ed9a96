"""The weight of the KL term as a pure function of the epoch (paper, section 2.3)."""

import math

__all__ = ["annealed_beta"]


def annealed_beta(
    epoch: int, beta_start: float, beta_end: float, epoch_start: int, epoch_end: int
) -> float:
    """Rises by half a cosine from `beta_start` to `beta_end` between two epochs, flat outside.

    Args:
        epoch: t, counted from 0.
        beta_start: value up to `epoch_start`.
        beta_end: value from `epoch_end` on.
        epoch_start: last epoch at `beta_start`.
        epoch_end: first epoch at `beta_end`; equal to `epoch_start` means a step.

    Returns:
        beta(t).
    """
    if epoch >= epoch_end:
        return beta_end
    if epoch <= epoch_start:
        return beta_start
    progress = (epoch - epoch_start) / (epoch_end - epoch_start)
    return beta_end - 0.5 * (beta_end - beta_start) * (1 + math.cos(math.pi * progress))
