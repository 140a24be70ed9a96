"""An uncompressed npz file whose images are written in any order."""

import io
import math
import zipfile
import zlib
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

__all__ = ["ImageArchive"]

EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes on every day
CHUNK = 1 << 24


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=EPOCH)
    info.external_attr = 0o644 << 16
    info.CRC = 0
    info.header_offset = 0
    return info


class ImageArchive:
    """Writes images in place and seals the zip file around them at the end.

    A zip file's entry begins with a checksum of what follows, known only when every image is there;
    so its place is kept free until `close`.
    """

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        """Keeps room for the images.

        Args:
            file: an empty file, open for reading and writing.
            shape: (N, H, W, 3) of the images.
        """
        self._file = file
        self._image_bytes = math.prod(shape[1:])
        preamble = io.BytesIO()
        np.lib.format.write_array_header_1_0(  # type: ignore[no-untyped-call]
            preamble, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        self._images = _member("images.npy")
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
            images: (n, H, W, 3).
        """
        self._file.seek(self._first + first * self._image_bytes)
        self._file.write(np.ascontiguousarray(images).data)

    def close(self, **arrays: npt.NDArray[np.generic]) -> None:
        """Computes the checksum and adds small arrays; the file itself stays open.

        Args:
            arrays: what else the npz file holds, by key.
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
                archive.writestr(_member(f"{key}.npy"), content.getvalue())
