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

__all__ = ["ImageArchive", "file_bytes", "write_images"]

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every member, so that equal images give equal bytes on every day."""

CHUNK = 1 << 24
OVERHEAD = 1 << 13
"""More bytes than headers and small arrays take together."""


def file_bytes(shape: tuple[int, ...]) -> int:
    """Bounds the bytes of a file of uint8 images of a shape from above.

    Example:
        >>> file_bytes((1000, 64, 64, 3))
        12296192
    """
    return math.prod(shape) + OVERHEAD


class ImageArchive:
    """Writes images in place and closes the zip file around them at the end.

    A member of a zip file begins with the checksum of its content, which is known only when every
    image is there. The archive keeps room for it until `close`.
    """

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        """Keeps room for the images.

        Args:
            file: an empty file, open for reading and writing.
            shape: (N, H, W, C) of the images.
        """
        self._file = file
        self._image_bytes = math.prod(shape[1:])
        preamble = io.BytesIO()
        cast(Any, np.lib.format).write_array_header_1_0(
            preamble, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        self._images = _member("images")
        self._images.file_size = len(preamble.getvalue()) + math.prod(shape)
        self._images.compress_size = self._images.file_size
        self._begin = len(self._images.FileHeader(zip64=True))
        self._first = self._begin + len(preamble.getvalue())
        file.seek(self._begin)
        file.write(preamble.getvalue())
        file.truncate(self._begin + self._images.file_size)

    def write(self, first: int, images: npt.NDArray[np.uint8]) -> None:
        """Writes consecutive images.

        Args:
            first: number of the first one.
            images: (n, H, W, C).
        """
        self._file.seek(self._first + first * self._image_bytes)
        self._file.write(np.ascontiguousarray(images).data)

    def close(self, **arrays: npt.NDArray[Any]) -> None:
        """Computes the checksum and adds small arrays; the file itself stays open.

        Args:
            arrays: what else the file holds, by key.
        """
        self._file.seek(self._begin)
        while chunk := self._file.read(CHUNK):
            self._images.CRC = zlib.crc32(chunk, self._images.CRC)
        end = self._file.tell()
        self._file.seek(0)
        self._file.write(self._images.FileHeader(zip64=True))
        self._file.seek(0)
        with zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED) as archive:
            archive.filelist.append(self._images)
            archive.NameToInfo[self._images.filename] = self._images
            archive.start_dir = end
            for key, array in arrays.items():
                content = io.BytesIO()
                np.save(content, array, allow_pickle=False)
                archive.writestr(_member(key), content.getvalue())


def _member(key: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(f"{key}.npy", date_time=EPOCH)
    info.external_attr = 0o644 << 16
    info.CRC = 0
    info.header_offset = 0
    return info


def write_images(
    path: Path,
    shape: tuple[int, ...],
    pieces: Iterable[npt.NDArray[np.uint8]],
    **arrays: npt.NDArray[Any],
) -> None:
    """Writes images that come in pieces, atomically and in the memory of one piece.

    Args:
        path: the file to write.
        shape: (N, H, W, C) of all images together.
        pieces: consecutive images, each (n, H, W, C).
        arrays: small arrays to keep beside the member `images`.

    Raises:
        InputError: if the pieces do not add up to `shape`.
        OutputError: if the disk cannot take the file; its length is checked before the first piece.
    """
    num_images = 0
    with replacing(path, file_bytes(shape)) as beside, beside.open("wb+") as file:
        archive = ImageArchive(file, shape)
        for piece in pieces:
            if piece.shape[1:] != shape[1:] or piece.dtype != np.uint8:
                raise InputError(
                    f"expected uint8 images {shape[1:]}, got {piece.dtype} {piece.shape[1:]}"
                )
            num_images += len(piece)
            if num_images > shape[0]:
                break
            archive.write(num_images - len(piece), piece)
        if num_images != shape[0]:
            raise InputError(f"expected {shape[0]:,} images, got {num_images:,} or more")
        archive.close(**arrays)
