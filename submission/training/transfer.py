"""Brings results of a GPU to the CPU without letting the GPU wait."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

__all__ = ["NUM_LATE", "brought_to_cpu"]

NUM_LATE = 2
"""Results that a GPU computes while the CPU handles an earlier one."""


def brought_to_cpu(results: Iterable[Tensor], num_late: int) -> Iterator[Tensor]:
    """Yields tensors on the CPU, in order, each after some later ones have been asked for.

    A GPU computes after it was asked. So it has work while the CPU waits for an earlier result.

    Args:
        results: on any device; the next ones are asked for before a result is yielded.
        num_late: how many later ones are asked for.

    Example:
        >>> [float(result) for result in brought_to_cpu(torch.arange(3.0), num_late=2)]
        [0.0, 1.0, 2.0]
    """
    on_the_way: deque[Callable[[], Tensor]] = deque()
    for result in results:
        on_the_way.append(_sent(result))
        if len(on_the_way) > num_late:
            yield on_the_way.popleft()()
    while on_the_way:
        yield on_the_way.popleft()()


def _sent(result: Tensor) -> Callable[[], Tensor]:
    """Begins to copy a tensor to the CPU; the returned function waits for the copy."""
    copy = result.to("cpu", non_blocking=True)
    if result.device.type != "cuda":
        return lambda: copy
    arrival = torch.cuda.current_stream(result.device).record_event()

    def wait() -> Tensor:
        arrival.synchronize()
        return copy

    return wait
