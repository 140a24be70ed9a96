"""Files that are either whole or absent, and folders that one run at a time writes to."""

import contextlib
import errno
import fcntl
import glob
import hashlib
import json
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from submission.console import say
from submission.errors import InputError, OutputError
from submission.folders import NO_ROOM, require_writable

__all__ = [
    "locked",
    "replacing",
    "require_room",
    "sha256_of",
    "write_json",
    "write_text",
    "writing",
]

LOCK_NAME = ".lock"

REFUSED = NO_ROOM | {errno.EROFS, errno.EIO}
"""What the system reports when it cannot store the bytes of an open file."""

PROBE = 1 << 20
"""Bytes that a disk has to take after a library failed to write, to count as not full."""


@contextmanager
def replacing(path: Path, num_bytes: int = 0) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place when the block succeeds.

    The folder is made if it is missing. After an error the temporary file is removed and the file
    that stood at `path` before is untouched. Temporary files of writers that were killed are
    removed, too. The block must write into the temporary file, not put another file in its place,
    as `safetensors.save_file` does: such a file has other permissions, and its own temporary file
    stays behind when the program is killed. torch.save reports a full disk as RuntimeError; such an
    error becomes OutputError when the disk takes no further bytes.

    Args:
        path: the file to write.
        num_bytes: how large the file will be, where that is known; it is checked before the block.

    Raises:
        OutputError: if the folder, the file or the disk cannot take the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "result.txt")
        ...     with replacing(path) as beside:
        ...         _ = beside.write_text("whole")
        ...     path.read_text()
        'whole'
    """
    with writing(path, num_bytes):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        require_room(path, num_bytes)
        # The system applies umask and the folder's default permissions to a file made like this.
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with contextlib.suppress(OSError):  # not every file system has locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield beside
        except (OSError, RuntimeError) as error:
            reason = _reason(error, beside)
            if reason is None:
                raise
            beside.write_bytes(b"")  # the room that is left is counted without the unfinished file
            raise _output_error(path, reason, num_bytes) from error
        with writing(path, num_bytes):
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            beside.replace(path)
    finally:
        os.close(handle)
        beside.unlink(missing_ok=True)


def _reason(error: Exception, beside: Path) -> OSError | None:
    """Returns what the system reported when `beside` could not be written; None otherwise."""
    if isinstance(error, OutputError):
        return None
    if isinstance(error, OSError):
        if error.filename is None:
            return error if error.errno in REFUSED else None
        return error if Path(os.fsdecode(error.filename)) == beside else None
    try:
        with beside.open("ab") as file:
            file.write(bytes(PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as found:
        return found if found.errno in REFUSED else None
    return None


def _free(folder: Path) -> float:
    """Returns the free bytes of a folder's disk; infinity where the system does not say."""
    usage = shutil.disk_usage(folder)
    return usage.free if usage.total else float("inf")


def require_room(path: Path, num_bytes: int) -> None:
    """Refuses a file that is too large for its disk.

    Args:
        path: of the file; its folder exists.
        num_bytes: how much is to be written.

    Raises:
        OutputError: if fewer bytes are free.
    """
    if num_bytes > _free(path.parent):
        raise _output_error(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), num_bytes)


@contextmanager
def writing(path: Path, num_bytes: int = 0) -> Iterator[None]:
    """Turns the system's errors in the block into one that names what was to be written.

    Args:
        path: the file or folder that the block writes.
        num_bytes: how large it will be, where that is known.

    Raises:
        OutputError: for any OSError of the block.
    """
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise _output_error(path, error, num_bytes) from error


def _output_error(path: Path, error: OSError, num_bytes: int) -> OutputError:
    reason = error.strerror or str(error)
    if error.errno not in NO_ROOM:
        return OutputError(f"expected to write {path}, got {reason}; choose another folder")
    room = ""
    with contextlib.suppress(OSError):
        free = _free(path.parent)
        needed = f"{num_bytes:,} bytes" if num_bytes else "more"
        room = f" ({free:,.0f} bytes are free, the file needs {needed})"
    return OutputError(
        f"expected room for {path}, got {reason}{room}; free some space or choose another folder"
    )


def _remove_abandoned(path: Path) -> None:
    """Removes temporary files of `path` that no living writer holds a lock on."""
    for beside in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(OSError), beside.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            beside.unlink()


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Keeps a folder for one run; a second run is refused as long as the block lasts.

    The system releases the lock when the process ends, however it ends. Where files cannot be
    locked, a warning is printed and the block runs without protection.

    Args:
        folder: what the run writes to; made if it is missing, removed if it stays empty.
        what: the run in a few words, such as "training".

    Raises:
        InputError: if another run holds the folder; the message names that run.
        OutputError: if the folder cannot be made, or takes no files.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder), "training"):
        ...     pass  # write to the folder
    """
    path = folder / LOCK_NAME
    was_there = folder.exists()
    require_writable(folder)
    handle = _lock_or_warn(path)
    if handle is None:
        yield
        return
    try:
        with contextlib.suppress(OSError):  # a full disk does not undo the lock
            os.truncate(handle, 0)
            os.write(handle, _this_run(what).encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
            if not was_there:
                folder.rmdir()
        os.close(handle)


def _lock_or_warn(path: Path) -> int | None:
    """Locks a file; returns its descriptor, or None, after a warning, where that is impossible."""
    try:
        return _lock(path)
    except BlockingIOError as error:
        holder = ""
        with contextlib.suppress(OSError):
            holder = path.read_text(encoding="utf-8", errors="replace").strip()
        raise InputError(
            f"expected {path.parent} to be in use by one run at a time, got another one: "
            f"{holder or 'a run that left no name'}; wait until it ends, or choose another name "
            "(AICROWD_EVALUATION_NAME, ./run.sh CONFIG NAME) or folder (--output)"
        ) from error
    except OSError as error:
        say(
            f"warning: expected to lock {path.parent}, got {error.strerror}; do not start a second "
            "run that writes to it"
        )
        return None


def _lock(path: Path) -> int:
    """Opens and locks a file; returns its descriptor.

    Raises:
        BlockingIOError: if another run has the lock.
        OSError: if the file cannot be made, or the file system has no locks.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise
        # The holder before may have removed the file between the two calls above.
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(handle).st_ino:
                return handle
        os.close(handle)


def _this_run(what: str) -> str:
    since, command = time.strftime("%Y-%m-%d %H:%M:%S"), " ".join(sys.argv)
    return f"{what} (process {os.getpid()} on {socket.gethostname()}, since {since}: {command})"


def write_json(path: Path, content: Any) -> None:
    """Writes `content` as indented JSON, atomically; NaN and infinity are refused.

    Raises:
        ValueError: if `content` holds a number that JSON cannot express.
        OutputError: if the file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_json(Path(folder, "scores.json"), {"mig": 0.5})
        ...     Path(folder, "scores.json").read_text().split()
        ['{', '"mig":', '0.5', '}']
    """
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes text in UTF-8 as `replacing` does; what UTF-8 has no bytes for is escaped."""
    encoded = text.encode(errors="backslashreplace")
    with replacing(path, len(encoded)) as beside:
        beside.write_bytes(encoded)


def sha256_of(path: Path) -> str:
    """Hashes a file's bytes; returns 64 hexadecimal digits.

    Example:
        >>> sha256_of(Path("/dev/null"))[:8]  # of no bytes
        'e3b0c442'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
