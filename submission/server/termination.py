"""The end of a program by a signal."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from types import FrameType
from typing import TYPE_CHECKING

from submission.errors import Stopped

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

__all__ = ["ending_on_sigterm"]

SECONDS_TO_REPEAT = 0.1
"""Until a signal is sent again that came inside a callback."""


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Raises `Stopped` in the block when SIGTERM comes, so that the block cleans up.

    A second SIGTERM ends the process at once. Only the main thread can use this. Python drops an
    exception that is raised inside a callback of a C library, such as LLVM's while it compiles. So
    SIGTERM and SIGINT that come there are sent again.
    """
    previous, report = signal.getsignal(signal.SIGTERM), sys.unraisablehook
    repeats: list[Timer] = []

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Stopped(f"stopped by {signal.Signals(number).name}", number)

    def repeat(dropped: "UnraisableHookArgs") -> None:
        if isinstance(dropped.exc_value, Stopped):
            signal.signal(signal.SIGTERM, stop)
            number = dropped.exc_value.signal_number
        elif isinstance(dropped.exc_value, KeyboardInterrupt):
            number = signal.SIGINT
        else:
            report(dropped)
            return
        repeats.append(Timer(SECONDS_TO_REPEAT, os.kill, (os.getpid(), number)))
        repeats[-1].start()

    signal.signal(signal.SIGTERM, stop)
    sys.unraisablehook = repeat
    try:
        yield
    finally:
        for timer in repeats:
            timer.cancel()
        sys.unraisablehook = report
        signal.signal(signal.SIGTERM, previous)
