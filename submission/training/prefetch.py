"""Prepares batches on a thread while the network computes."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["prefetched"]

DEPTH = 2
"""Number of items that are prepared ahead."""

Item = TypeVar("Item")


def prefetched(items: Iterable[Item]) -> Iterator[Item]:
    """Yields the items in order while a thread prepares up to two more.

    If `items` raises an exception, it is raised in place of the item. An iteration that is left
    early waits for nothing: the garbage collector may end it while another thread starts and holds
    the locks that waiting needs. The thread then ends by itself.

    Args:
        items: what to iterate over; only the thread advances it.

    Example:
        >>> list(prefetched(range(3)))
        [0, 1, 2]
    """
    iterator = iter(items)
    end = object()
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch")
    ahead: deque[Future[object]] = deque(executor.submit(next, iterator, end) for _ in range(DEPTH))
    while (item := ahead.popleft().result()) is not end:
        ahead.append(executor.submit(next, iterator, end))
        yield item  # type: ignore[misc]
    executor.shutdown()
