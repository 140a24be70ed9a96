"""Schedules: step size and weight of the KL term as pure functions of the progress."""

import math

__all__ = ["annealed_beta", "half_cosine"]


def half_cosine(progress: float) -> float:
    """Falls from 1 to 0 along half a cosine while the progress rises from 0 to 1.

    Example:
        >>> [half_cosine(progress) for progress in (0.0, 0.5, 1.0)]
        [1.0, 0.5, 0.0]
    """
    return 0.5 * (1 + math.cos(math.pi * progress))


def annealed_beta(
    epoch: int, beta_start: float, beta_end: float, epoch_start: int, epoch_end: int
) -> float:
    """Returns the weight of the KL term (paper, section 2.3).

    It rises along half a cosine from `beta_start` to `beta_end` between two epochs and is constant
    before and after.

    Args:
        epoch: t, counted from 0.
        beta_start: value up to `epoch_start`.
        beta_end: value from `epoch_end` on.
        epoch_start: last epoch at `beta_start`.
        epoch_end: first epoch at `beta_end`; equal to `epoch_start` means a step.

    Returns:
        beta(t).

    Example:
        >>> [annealed_beta(epoch, 0.0, 1.0, 2, 4) for epoch in range(6)]
        [0.0, 0.0, 0.0, 0.5, 1.0, 1.0]
    """
    if epoch >= epoch_end:
        return beta_end
    if epoch <= epoch_start:
        return beta_start
    progress = (epoch - epoch_start) / (epoch_end - epoch_start)
    return beta_end - (beta_end - beta_start) * half_cosine(progress)
