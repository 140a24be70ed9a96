"""The exceptions that a program answers with one line instead of a traceback.

`UserError` means that the person who runs a program can mend something. `Stopped` means that a
signal ended the work. Any other exception is a bug of this project and keeps its traceback.
"""

import difflib
from collections.abc import Sequence

__all__ = [
    "InputError",
    "MissingFileError",
    "OutputError",
    "Stopped",
    "UserError",
    "did_you_mean",
    "one_line",
]


class UserError(Exception):
    """A mistake in what a program was given.

    The message says what was expected, what was given and what to do about it. Raise one of the
    subclasses, which callers can also catch by the built-in exception that they belong to.

    Example:
        >>> try:
        ...     raise InputError("expected a seed of at least 0, got -1")
        ... except ValueError as error:
        ...     isinstance(error, UserError), str(error)
        (True, 'expected a seed of at least 0, got -1')
    """


class InputError(UserError, ValueError):
    """A setting, a file's content, a model or an argument is not as it should be."""


class MissingFileError(UserError, FileNotFoundError):
    """A file that has to be there is not there."""


class OutputError(UserError, OSError):
    """A file or folder cannot be written."""


def one_line(error: Exception) -> str:
    """Puts an error's text on one line of at most 200 characters; its type if it has no text.

    Example:
        >>> one_line(ValueError("  two    words ")), one_line(ValueError())
        ('two words', 'ValueError')
    """
    return " ".join(str(error).split())[:200] or type(error).__name__


def did_you_mean(word: str, known: Sequence[str], otherwise: str) -> str:
    """Asks whether the nearest of the known words was meant; says `otherwise` if none is near.

    Example:
        >>> did_you_mean("sixe", ["shape", "size"], "known are shape and size")
        'did you mean size?'
        >>> did_you_mean("angle", ["shape", "size"], "known are shape and size")
        'known are shape and size'
    """
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]}?" if near else otherwise


class Stopped(SystemExit):
    """A signal asked the work to end, and it ended in order.

    It is not an `Exception`: a block that handles faults does not handle it. A program that does
    not catch it ends without a traceback and with the status 128 + `signal_number`.

    Args:
        message: where the work stopped and how to continue.
        signal_number: the signal, such as `signal.SIGTERM`.

    Example:
        >>> stopped = Stopped("stopped at step 3 of 6; the same command continues", 15)
        >>> str(stopped), stopped.code
        ('stopped at step 3 of 6; the same command continues', 143)
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message, signal_number)
        self.signal_number = signal_number
        self.code = 128 + signal_number

    def __str__(self) -> str:
        return str(self.args[0])
