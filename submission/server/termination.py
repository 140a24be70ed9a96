"""The end of a program by SIGTERM."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from submission.errors import Stopped

__all__ = ["ending_on_sigterm"]


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Raises `Stopped` in the block when SIGTERM comes, so that the block cleans up.

    A second SIGTERM ends the process at once. Only the main thread can use this.
    """
    previous = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Stopped(f"stopped by {signal.Signals(number).name}", number)

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
