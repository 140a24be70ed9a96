"""Asks a loop to stop after the step it is in, when the process is told to end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["stop_requested"]


@contextmanager
def stop_requested() -> Iterator[Callable[[], bool]]:
    """Yields a function that tells whether SIGTERM or SIGINT came since the block began.

    A second signal ends the process as usual. Outside the block, signals do what they did before.
    Only the main thread can use it.
    """
    requested = False
    previous = {kind: signal.getsignal(kind) for kind in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for kind, handler in previous.items():
            signal.signal(kind, handler)

    def request(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        requested = True
        restore()

    for kind in previous:
        signal.signal(kind, request)
    try:
        yield lambda: requested
    finally:
        restore()
