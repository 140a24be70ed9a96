"""An image set: images in the order of the factor grid that numbers them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.factors import FactorSpace
from submission.files import sha256_of

__all__ = ["IMAGE_SHAPE", "ImageSet", "file_of"]

IMAGE_SHAPE = (64, 64, 3)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images in the row-major order of their factor grid.

    Attributes:
        name: the data set's name.
        path: the file that holds the images.
        images: (N, 64, 64, 3) uint8, backed by the file; index it, never copy it whole.
        space: the factor grid, of N points.
        hidden: names of the factors that vary but do not count as ground truth.
    """

    name: str
    path: Path
    images: npt.NDArray[np.uint8]
    space: FactorSpace
    hidden: tuple[str, ...] = ()

    @cached_property
    def sha256(self) -> str:
        """The file's SHA-256 in hexadecimal; read once, which takes a minute for 12.7 GB."""
        return sha256_of(self.path)


def file_of(name: str, folder: Path) -> Path:
    """Names the file of an image set inside the data folder."""
    return folder / name / f"{name}.npz"
