"""What programs print: progress bars with time left, and one line when something is wrong."""

import sys
from collections.abc import Callable

from tqdm import tqdm

from submission.errors import UserError

__all__ = ["mute", "program", "progress_bar", "say"]

_muted = False


def mute() -> None:
    """Makes this process print nothing but errors; for all but the first of several processes."""
    global _muted
    _muted = True


def say(text: str) -> None:
    """Prints a line to standard output at once, above any progress bar."""
    if not _muted:
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()


class _Log:
    """Writes to standard error, each state of a bar on a line of its own."""

    def write(self, text: str) -> None:
        line = text.strip("\r\n ")
        if line:
            sys.stderr.write(line + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


def progress_bar(total: int, description: str, unit: str, initial: int = 0) -> "tqdm[None]":
    """Makes a bar with rate and time left; on a terminal it moves, in a log it adds a line.

    Args:
        total: amount of work.
        description: what is being done, a few words.
        unit: what is counted, with a leading space, such as " images".
        initial: amount done before.
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


def program(main: Callable[[], None]) -> int:
    """Runs a program's body; a mistake of the user's ends in one line, not in a traceback.

    Args:
        main: the body; it may raise `UserError`, or OSError for what the system refuses.

    Returns:
        0 after success, 1 after a mistake, 130 after an interruption.
    """
    try:
        main()
    except (UserError, OSError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"error: {message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0
