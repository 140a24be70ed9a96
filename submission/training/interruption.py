"""Asks a loop to stop after the step it is in, when a signal tells the process to end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["stop_requested"]


@contextmanager
def stop_requested() -> Iterator[Callable[[], int]]:
    """Yields a function that returns the number of the SIGTERM or SIGINT that came, else 0.

    A second signal ends the process as usual. After the block, signals do what they did before.
    Only the main thread can use it.

    Example:
        >>> with stop_requested() as stop:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     stop() == signal.SIGTERM
        True
    """
    received = 0
    previous = {kind: signal.getsignal(kind) for kind in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for kind, handler in previous.items():
            signal.signal(kind, handler)

    def request(number: int, frame: FrameType | None) -> None:
        nonlocal received
        received = number
        restore()

    for kind in previous:
        signal.signal(kind, request)
    try:
        yield lambda: received
    finally:
        restore()
