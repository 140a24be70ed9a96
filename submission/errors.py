"""What the person who runs a program can mend; any other exception is a bug of this project.

A program ends with one line for a `UserError` and with a traceback for everything else.
"""

__all__ = ["InputError", "MissingFileError", "OutputError", "UserError"]


class UserError(Exception):
    """A mistake in what a program was given.

    The message says what was expected, what was given and what to do about it. Raise one of the
    subclasses, which callers can also catch by the built-in exception that they belong to.
    """


class InputError(UserError, ValueError):
    """A setting, a file's content, a model or an argument is not as it should be."""


class MissingFileError(UserError, FileNotFoundError):
    """A file that has to be there is not there."""


class OutputError(UserError, OSError):
    """A file or folder cannot be written."""
