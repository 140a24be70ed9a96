"""Reads ahead on a thread, so that files are read while the network computes."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["prefetched"]

Item = TypeVar("Item")


def prefetched(items: Iterable[Item], depth: int = 2) -> Iterator[Item]:
    """Yields the items in order while a thread prepares up to `depth` further ones.

    An exception in `items` is raised where its item would have been yielded.

    Args:
        items: anything to iterate over, advanced by the thread only.
        depth: number of items prepared ahead, at least 1.
    """
    iterator = iter(items)
    end = object()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as executor:
        ahead: deque[Future[object]] = deque(
            executor.submit(next, iterator, end) for _ in range(depth)
        )
        while (item := ahead.popleft().result()) is not end:
            ahead.append(executor.submit(next, iterator, end))
            yield item  # type: ignore[misc]
