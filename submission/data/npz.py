"""Arrays inside `.npz` files, mapped in place instead of read into memory.

Where a file is missing or may not be read, every function raises the system's FileNotFoundError or
PermissionError.
"""

import io
import math
import os
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from submission.data.archive import chunks_of, find_member, open_archive, open_file, open_member
from submission.data.npy import read_npy_header
from submission.data.unpacked import unpack
from submission.errors import InputError

__all__ = ["has_member", "is_stored", "map_member", "read_small_member", "verify_checksum"]

Array = npt.NDArray[Any]

MAX_SMALL_MEMBER = 1 << 20


def map_member(path: Path, member: str = "images") -> Array:
    """Maps an array of an `.npz` file read-only, without reading it.

    A compressed member is unpacked once into a hidden file, and that file is mapped; see `unpack`.

    Args:
        path: the file.
        member: the array's name, without `.npy`.

    Returns:
        The array in its shape, uint8 or floating point, backed by the file. The file must keep
        its length while the array is used.

    Raises:
        InputError: if it is not a sound `.npz` file with that array in C order.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(Path(folder, "toy.npz"), images=np.zeros((6, 64, 64, 3), np.uint8))
        ...     map_member(Path(folder, "toy.npz")).shape
        (6, 64, 64, 3)
    """
    with open_file(path) as file:
        before = os.fstat(file.fileno())
        with open_archive(path, file) as archive:
            info = find_member(path, archive, f"{member}.npy")
            if info.compress_type == zipfile.ZIP_STORED:
                where = f"member {member!r} of {path}"
                with open_member(path, archive, info):
                    start = file.tell()  # zipfile has compared the header and is at the data
                array = _map(file, start, info.file_size, where)
            else:
                copy = unpack(path, archive, info)
                with open_file(copy) as unpacked:
                    array = _map(unpacked, 0, os.fstat(unpacked.fileno()).st_size, str(copy))
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputError(f"{path} changed while it was being opened; try again when it is complete")
    return array


def read_small_member(path: Path, member: str) -> Array:
    """Reads a small array of numbers, at most 1 MiB, from an `.npz` file.

    Args:
        path: the file.
        member: the array's name, without `.npy`.

    Raises:
        InputError: if it is not a sound `.npz` file with a small array of that name.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(Path(folder, "toy.npz"), factor_sizes=[2, 3])
        ...     read_small_member(Path(folder, "toy.npz"), "factor_sizes").tolist()
        [2, 3]
    """
    where = f"member {member!r} of {path}"
    with open_file(path) as file, open_archive(path, file) as archive:
        info = find_member(path, archive, f"{member}.npy")
        if info.file_size > MAX_SMALL_MEMBER:
            raise InputError(
                f"expected at most {MAX_SMALL_MEMBER:,} bytes in {where}, got {info.file_size:,}"
            )
        with open_member(path, archive, info) as stream:
            content = stream.read(MAX_SMALL_MEMBER)
    dtype, shape, length = read_npy_header(io.BytesIO(content), len(content), where, integers=True)
    return np.frombuffer(content, dtype, offset=length).reshape(shape)


def has_member(path: Path, member: str) -> bool:
    """Tells whether an `.npz` file holds an array of that name.

    Raises:
        InputError: if it is not a sound `.npz` file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(Path(folder, "toy.npz"), images=[0.5])
        ...     [has_member(Path(folder, "toy.npz"), name) for name in ("images", "labels")]
        [True, False]
    """
    with open_file(path) as file, open_archive(path, file) as archive:
        return f"{member}.npy" in archive.namelist()


def is_stored(path: Path) -> bool:
    """Tells whether the images can be mapped where they lie, without being unpacked first.

    Raises:
        InputError: if it is not a sound `.npz` file with images.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez_compressed(Path(folder, "toy.npz"), images=[0.5])
        ...     is_stored(Path(folder, "toy.npz"))
        False
    """
    with open_file(path) as file, open_archive(path, file) as archive:
        info = find_member(path, archive, "images.npy")
    return info.compress_type == zipfile.ZIP_STORED


def verify_checksum(path: Path) -> None:
    """Reads all images and compares them with the checksum that the file holds for them.

    Raises:
        InputError: if a byte is not what it was when the file was written.
    """
    with open_file(path) as file, open_archive(path, file) as archive:
        info = find_member(path, archive, "images.npy")
        with open_member(path, archive, info) as stream:
            for _ in chunks_of(stream, info.file_size, f"reading {path.name}"):
                pass


def _map(file: BinaryIO, start: int, num_bytes: int, where: str) -> Array:
    """Maps the npy data that take `num_bytes` bytes from offset `start` of an open file."""
    file.seek(start)
    dtype, shape, length = read_npy_header(file, num_bytes, where)
    if math.prod(shape) == 0:
        raise InputError(f"expected elements in {where}, got none: shape {shape!s:.80}")
    if start + num_bytes > os.fstat(file.fileno()).st_size:
        raise InputError(f"the file ends inside {where}; get it anew")
    return np.memmap(file, dtype=dtype, mode="r", offset=start + length, shape=shape)
