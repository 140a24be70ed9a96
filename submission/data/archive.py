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

from submission.data.catalogue import renewal
from submission.errors import InputError

__all__ = ["data_start", "find_member", "open_archive", "open_file", "open_member"]

LOCAL_HEADER = struct.Struct("<4s5H3I2H")
LOCAL_SIGNATURE = b"PK\x03\x04"
ZIP64_MARK = 0xFFFFFFFF
ZIP64_TAG = 1
ENCRYPTED, DEFERRED, UTF8 = 1, 8, 0x800

ZIP_ERRORS = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OverflowError,
    IndexError,
    UnicodeDecodeError,
    struct.error,
    zlib.error,
)


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Opens an ordinary file; a folder, or a pipe that would wait for ever, is refused.

    Raises:
        FileNotFoundError: if there is no such file.
        PermissionError: if it may not be read.
        ValueError: if it is something else than a readable file.
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
        ValueError: if it is not a whole zip file.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (*ZIP_ERRORS, ValueError) as error:
        size = os.fstat(file.fileno()).st_size
        raise InputError(
            f"{path} ({size:,} bytes) is not a whole .npz file: {_reason(error)}; {renewal(path)}"
        ) from error
    with archive:
        yield archive


@contextmanager
def open_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Opens a member to read it from its beginning, unpacking as it is read.

    Raises:
        ValueError: if it is damaged, also when the damage is met in the block.
    """
    try:
        with archive.open(info) as stream:
            yield stream
    except ZIP_ERRORS as error:
        raise InputError(
            f"member {info.filename!r} of {path} is damaged: {_reason(error)}"
        ) from error


def find_member(path: Path, archive: zipfile.ZipFile, filename: str) -> zipfile.ZipInfo:
    """Finds the one entry of that name and checks what the list of members says of it.

    Raises:
        ValueError: if there is none or more than one, or it is encrypted, or packed in another
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


def data_start(path: Path, file: BinaryIO, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """Finds where a stored member's bytes begin, after comparing its two headers.

    Returns:
        The offset in the file; from there `info.file_size` bytes belong to the member.

    Raises:
        ValueError: if the header beside the data and the list of members disagree, or the
            data would reach past the place where the list begins.
    """

    def damaged(reason: str) -> InputError:
        return InputError(f"member {info.filename!r} of {path} is damaged: {reason}")

    file.seek(info.header_offset)
    raw = file.read(LOCAL_HEADER.size)
    if len(raw) < LOCAL_HEADER.size:
        raise damaged("the file ends inside its header")
    fields = LOCAL_HEADER.unpack(raw)
    signature, _, flags, method, _, _, _, packed, size, name_length, extra_length = fields
    if signature != LOCAL_SIGNATURE:
        raise damaged("its header has no zip signature")
    if method != info.compress_type or flags & ENCRYPTED:
        raise damaged("its two headers name different methods")
    name = file.read(name_length)
    extra = file.read(extra_length)
    if name != info.orig_filename.encode("utf-8" if flags & UTF8 else "cp437", "replace"):
        raise damaged("its two headers give different names")
    sizes = (size, packed)
    if ZIP64_MARK in sizes:
        sizes = _zip64_sizes(extra, size, packed)
    deferred = bool(flags & DEFERRED) and sizes == (0, 0)
    if not deferred and sizes != (info.file_size, info.compress_size):
        raise damaged(f"its two headers give different sizes, {sizes[0]:,} and {info.file_size:,}")
    start: int = info.header_offset + LOCAL_HEADER.size + name_length + extra_length
    end = start + info.file_size
    if end > archive.start_dir:
        raise damaged(f"it would end at byte {end:,}, past the data's end at {archive.start_dir:,}")
    return start


def _reason(error: Exception) -> str:
    """Puts an error's text on one line of bounded length."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _zip64_sizes(extra: bytes, size: int, packed: int) -> tuple[int, int]:
    """Takes the 64-bit sizes from a local header's extra field; (-1, -1) when they are missing."""
    position = 0
    while position + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, position)
        body = extra[position + 4 : position + 4 + length]
        if tag == ZIP64_TAG:
            values = [value for (value,) in struct.iter_unpack("<Q", body[: len(body) // 8 * 8])]
            if len(values) < (size, packed).count(ZIP64_MARK):
                break
            real_size = values.pop(0) if size == ZIP64_MARK else size
            return real_size, values.pop(0) if packed == ZIP64_MARK else packed
        position += 4 + length
    return -1, -1
