"""Folders that results can be written to."""

import errno
import tempfile
from pathlib import Path

from submission.errors import OutputError

__all__ = ["NO_ROOM", "require_writable"]

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What the system reports when a disk is full, or a quota used up."""


def require_writable(folder: Path) -> None:
    """Refuses a folder that cannot be made, or that takes no files. A full disk is no reason.

    Args:
        folder: made if it is missing.

    Raises:
        OutputError: naming the folder and what the system reports.

    Example:
        >>> require_writable(Path("/dev/null/results"))
        Traceback (most recent call last):
        submission.errors.OutputError: ... at /dev/null/results, got Not a directory; choose ...
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if error.errno in NO_ROOM:
            return
        is_file = isinstance(error, FileExistsError)
        reason = "a file" if is_file else error.strerror or str(error)
        raise OutputError(
            f"expected a folder to write to at {folder}, got {reason}; choose another folder"
        ) from error
