"""Times two ways of doing the same, in turn, and prints both and their ratio."""

import statistics
import time
from collections.abc import Callable

import torch

__all__ = ["compare"]


def compare(
    title: str,
    ours: tuple[str, Callable[[], object]],
    rival: tuple[str, Callable[[], object]],
    amount: float,
    unit: str,
    num_runs: int = 5,
) -> float:
    """Runs both ways alternately after a warm-up and prints medians; waits for a GPU's end of work.

    Args:
        title: what is compared.
        ours: name and function of our way.
        rival: name and function of the other.
        amount: work that one call does.
        unit: of the work, in the plural.
        num_runs: timed calls of each.

    Returns:
        The median over pairs of the rival's time divided by ours.
    """
    seconds: list[list[float]] = [[], []]
    for number in range(num_runs + 1):
        for place, (_, call) in enumerate((ours, rival)):
            start = time.perf_counter()
            call()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if number > 0:
                seconds[place].append(time.perf_counter() - start)
    print(title)
    for (name, _), times in zip((ours, rival), seconds, strict=True):
        rate = amount / statistics.median(times)
        print(f"  {name:<58}{rate:>10.1f} {unit}/s  (median of {num_runs})")
    ratio = statistics.median(
        theirs / own for own, theirs in zip(seconds[0], seconds[1], strict=True)
    )
    print(f"  ratio, ours over rival: {ratio:.2f}")
    return ratio
