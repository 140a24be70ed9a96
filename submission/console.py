"""What programs print: lines, and progress bars with the time left."""

import io
import os
import sys
from pathlib import Path

from tqdm import tqdm

__all__ = ["mute", "prepare_streams", "progress_bar", "say"]

_muted = False


def prepare_streams() -> None:
    """Lets any text be printed, also where standard streams are closed or take ASCII only."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the number, so that no result's file does
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def mute() -> None:
    """Lets this process print errors only; all but the first of several processes call it."""
    global _muted
    _muted = True


def say(text: str) -> None:
    """Prints a line to standard output at once, above any progress bar."""
    if not _muted:
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()


class _Log:
    """Writes each state of a bar to standard error as a line of its own."""

    def write(self, text: str) -> None:
        line = text.strip("\r\n ")
        if line:
            sys.stderr.write(line + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


def progress_bar(total: int, description: str, unit: str, initial: int = 0) -> "tqdm[None]":
    """Makes a progress bar with rate and time left. A terminal redraws it, a log gets new lines.

    Args:
        total: amount of work.
        description: the work in a few words.
        unit: what is counted, with a leading space, such as " images".
        initial: amount of work that an earlier run has done.
    """
    interactive = sys.stderr.isatty()
    return tqdm(
        disable=_muted,
        total=total,
        initial=initial,
        desc=description,
        unit=unit,
        unit_scale=total >= 10_000,
        file=sys.stderr if interactive else _Log(),
        dynamic_ncols=interactive,
        ncols=None if interactive else 100,
        mininterval=0.2 if interactive else 10.0,
        maxinterval=10.0 if interactive else 30.0,
    )
