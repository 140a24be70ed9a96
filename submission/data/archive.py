"""Zip files read with suspicion: every fault of the file becomes one line for the user."""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from submission.console import progress_bar
from submission.data.catalogue import renewal
from submission.errors import InputError, one_line

__all__ = ["ZIP_ERRORS", "chunks_of", "find_member", "open_archive", "open_file", "open_member"]

ENCRYPTED = 1
CHUNK = 1 << 22

ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
    EOFError,
    OverflowError,
    IndexError,
    UnicodeError,
)
"""What `zipfile` raises when a member is damaged."""


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Opens an ordinary file; a folder, or a pipe that would wait for ever, is refused.

    Raises:
        FileNotFoundError: if there is no such file.
        PermissionError: if it may not be read.
        InputError: if it is something else than a readable file.

    Example:
        >>> with open_file(Path(".")):
        ...     pass
        Traceback (most recent call last):
        submission.errors.InputError: expected a file at ., got a folder or a device
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"expected a file at {path}, got a folder or a device")
        file = path.open("rb")
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    with file:
        yield file


@contextmanager
def open_archive(path: Path, file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    """Reads the list of members of an open file.

    Raises:
        InputError: if it is not a whole zip file.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (*ZIP_ERRORS, struct.error, ValueError) as error:
        size = os.fstat(file.fileno()).st_size
        raise InputError(
            f"{path} ({size:,} bytes) is not a whole .npz file: {one_line(error)}; {renewal(path)}"
        ) from error
    with archive:
        yield archive


@contextmanager
def open_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Opens a member to read it from its beginning, unpacking as it is read.

    Raises:
        InputError: if it is damaged, also when the damage is met in the block.

    Example:
        >>> import tempfile
        >>> path = Path("toy.npz")
        >>> with tempfile.TemporaryFile() as file:
        ...     with zipfile.ZipFile(file, "w") as archive:
        ...         archive.writestr("images.npy", b"123")
        ...     with open_archive(path, file) as archive:
        ...         info = find_member(path, archive, "images.npy")
        ...         with open_member(path, archive, info) as stream:
        ...             stream.read()
        b'123'
    """
    try:
        with archive.open(info) as stream:
            yield stream
    except ZIP_ERRORS as error:
        raise InputError(
            f"member {info.filename!r} of {path} is damaged: {one_line(error)}"
        ) from error


def find_member(path: Path, archive: zipfile.ZipFile, filename: str) -> zipfile.ZipInfo:
    """Finds the one entry of that name and checks what the list of members says of it.

    Raises:
        InputError: if there is none or more than one, or it is encrypted, or packed in another
            way than stored or deflated, or its sizes contradict each other.
    """
    entries = [info for info in archive.infolist() if info.filename == filename]
    if len(entries) != 1:
        names = ", ".join(sorted(repr(name[:40]) for name in archive.namelist())[:8]) or "none"
        raise InputError(
            f"expected one member {filename!r} in {path}, got {len(entries)} (members: {names})"
        )
    info = entries[0]
    where = f"member {filename!r} of {path}"
    if info.flag_bits & ENCRYPTED:
        raise InputError(f"{where} is encrypted; expected a plain .npz file")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(
            f"expected {where} stored or deflated, got compression method {info.compress_type}"
        )
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        raise InputError(
            f"{where} is damaged: stored in {info.compress_size:,} bytes "
            f"but said to have {info.file_size:,}"
        )
    if not 0 <= info.header_offset < archive.start_dir:
        raise InputError(f"{where} is damaged: its offset {info.header_offset:,} is outside")
    return info


def chunks_of(stream: IO[bytes], num_bytes: int, description: str) -> Iterator[bytes]:
    """Yields what is left of a stream, 4 MiB at a time, with a progress bar over `num_bytes`.

    Example:
        >>> import io
        >>> [len(chunk) for chunk in chunks_of(io.BytesIO(bytes(CHUNK + 5)), CHUNK + 5, "reading")]
        [4194304, 5]
    """
    with progress_bar(num_bytes, description, "B") as bar:
        while chunk := stream.read(CHUNK):
            bar.update(len(chunk))
            yield chunk
