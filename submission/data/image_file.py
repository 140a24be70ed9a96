"""Writes images into uncompressed `.npz` files, in any order and in bounded memory."""

import io
import math
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from submission.errors import InputError
from submission.files import replacing

__all__ = ["write_images"]

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every member, so that equal images give equal bytes on every day."""

CHUNK = 1 << 24
OVERHEAD = 1 << 13
"""More bytes than headers and small arrays take together."""


def write_images(
    path: Path,
    shape: tuple[int, ...],
    pieces: Iterable[tuple[int, npt.NDArray[np.uint8]]],
    **arrays: npt.NDArray[Any],
) -> None:
    """Writes images that come in pieces, atomically and in the memory of one piece.

    A member of a zip file begins with the checksum of its content, which is known only when every
    image is there. So room is kept for it, and it is written last.

    Args:
        path: the file to write.
        shape: (N, H, W, C) of all images together.
        pieces: in any order, the number of each piece's first image and its (n, H, W, C) images.
        arrays: small arrays to keep beside the member `images`, by name.

    Raises:
        InputError: if the pieces do not add up to `shape`.
        OutputError: if the disk cannot take the file; its length is checked before the first piece.

    Example:
        >>> import tempfile
        >>> from submission.data.image_set import map_images
        >>> black = np.zeros((1, 64, 64, 3), np.uint8)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "toy.npz")
        ...     write_images(path, (2, 64, 64, 3), [(1, black + 255), (0, black)])
        ...     map_images(path)[:, 0, 0, 0].tolist()
        [0, 255]
    """
    preamble = io.BytesIO()
    cast(Any, np.lib.format).write_array_header_1_0(
        preamble, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    images = _member("images")
    images.file_size = images.compress_size = len(preamble.getvalue()) + math.prod(shape)
    begin = len(images.FileHeader(zip64=True))
    with (
        replacing(path, images.file_size + OVERHEAD) as beside,
        beside.open("wb+") as file,
    ):
        file.truncate(begin + images.file_size)
        file.seek(begin)
        file.write(preamble.getvalue())
        _write_pieces(file, shape, pieces)
        file.seek(begin)
        while chunk := file.read(CHUNK):
            images.CRC = zlib.crc32(chunk, images.CRC)
        file.seek(0)
        file.write(images.FileHeader(zip64=True))
        file.seek(0)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.filelist.append(images)
            archive.NameToInfo[images.filename] = images
            archive.start_dir = begin + images.file_size
            for key, array in arrays.items():
                content = io.BytesIO()
                np.save(content, array, allow_pickle=False)
                archive.writestr(_member(key), content.getvalue())


def _write_pieces(
    file: BinaryIO, shape: tuple[int, ...], pieces: Iterable[tuple[int, npt.NDArray[np.uint8]]]
) -> None:
    """Writes each piece at its place behind the file's position; raises as `write_images` does."""
    begin = file.tell()
    num_images = 0
    for first, piece in pieces:
        if piece.shape[1:] != shape[1:] or piece.dtype != np.uint8:
            raise InputError(
                f"expected uint8 images {shape[1:]}, got {piece.dtype} {piece.shape[1:]}"
            )
        num_images += len(piece)
        if num_images > shape[0]:
            break
        file.seek(begin + first * math.prod(shape[1:]))
        file.write(np.ascontiguousarray(piece).data)
    if num_images != shape[0]:
        raise InputError(f"expected {shape[0]:,} images, got {num_images:,} or more")


def _member(key: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(f"{key}.npy", date_time=EPOCH)
    info.external_attr = 0o644 << 16
    info.CRC = info.header_offset = 0
    return info
