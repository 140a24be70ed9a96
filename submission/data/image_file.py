"""Writes image sets as uncompressed `.npz` files, a piece at a time."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from submission.errors import InputError
from submission.files import replacing

__all__ = ["write_images"]

EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes on every day


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
        ValueError: if the pieces do not add up to `shape`.
        OSError: if the file cannot be written.
    """
    num_images = 0
    npy = cast(Any, np.lib.format)
    with replacing(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        info = zipfile.ZipInfo("images.npy", date_time=EPOCH)
        with archive.open(info, "w", force_zip64=True) as member:
            npy.write_array_header_1_0(
                member, {"descr": "|u1", "fortran_order": False, "shape": shape}
            )
            for piece in pieces:
                if piece.shape[1:] != shape[1:] or piece.dtype != np.uint8:
                    raise InputError(
                        f"expected uint8 images {shape[1:]}, got {piece.dtype} {piece.shape[1:]}"
                    )
                member.write(np.ascontiguousarray(piece).data)
                num_images += len(piece)
        if num_images != shape[0]:
            raise InputError(f"expected {shape[0]:,} images, got {num_images:,}")
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy", date_time=EPOCH)
            with archive.open(info, "w") as member:
                npy.write_array(member, array, allow_pickle=False)
