"""What changes in the course of a training, as pure functions of how far it is."""

import math

import numpy as np

__all__ = ["annealed_beta", "half_cosine", "seed_of_step"]


def half_cosine(progress: float) -> float:
    """Falls from 1 to 0 while progress rises from 0 to 1."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def seed_of_step(seed: int, step: int, process: int = 0) -> int:
    """Derives the seed of one step's random numbers, so that the step repeats after a restart.

    Args:
        seed: of the run.
        step: number of the step.
        process: number of the process; each draws its own numbers.
    """
    return int(np.random.SeedSequence((seed, step, process)).generate_state(1)[0])


def annealed_beta(
    epoch: int, beta_start: float, beta_end: float, epoch_start: int, epoch_end: int
) -> float:
    """Gives the weight of the KL term (paper, section 2.3).

    It rises by half a cosine from `beta_start` to `beta_end` between two epochs, flat outside.

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
    return beta_end - (beta_end - beta_start) * half_cosine(progress)
