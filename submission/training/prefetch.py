"""Prepares batches on threads while the network computes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

__all__ = ["NUM_READERS", "num_readers", "prefetched"]

NUM_READERS = 4
"""Threads that read for a GPU. One thread copies too slowly from a mapped file."""

Job = TypeVar("Job")
Item = TypeVar("Item")


def num_readers(device: torch.device) -> int:
    """Returns how many threads read for a device. A CPU needs its cores for the network.

    Example:
        >>> num_readers(torch.device("cpu"))
        1
    """
    return NUM_READERS if device.type == "cuda" else 1


def prefetched(
    prepare: Callable[[Job], Item], jobs: Iterable[Job], num_threads: int = 1
) -> Iterator[Item]:
    """Yields `prepare(job)` of each job in order, while threads prepare the next ones.

    At most `num_threads + 1` items are prepared ahead. If `prepare` raises an exception, it is
    raised in place of the item. An iteration that is left early waits for nothing: the garbage
    collector may end it while another thread starts and holds the locks that waiting needs. The
    threads then end by themselves.

    Args:
        prepare: is called on the threads.
        jobs: what to prepare; the caller's thread iterates over it.
        num_threads: number of threads.

    Example:
        >>> list(prefetched(abs, [-1, -2, 3]))
        [1, 2, 3]
    """
    executor = ThreadPoolExecutor(num_threads, thread_name_prefix="prefetch")
    ahead: deque[Future[Item]] = deque()
    for job in jobs:
        ahead.append(executor.submit(prepare, job))
        if len(ahead) > num_threads:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()
    executor.shutdown()
