"""An image set: images in the order of the factor grid that numbers them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from submission.data.npz import map_member
from submission.errors import InputError
from submission.factors import FactorSpace
from submission.files import sha256_of

__all__ = ["IMAGE_SHAPE", "FileState", "ImageSet", "file_of", "map_images"]

IMAGE_SHAPE = (64, 64, 3)


class FileState(NamedTuple):
    """What tells one state of a file from another without reading the file.

    Attributes:
        device: number of the file system.
        inode: number of the file on it.
        num_bytes: length.
        changed_ns: time of the last change, in nanoseconds.
    """

    device: int
    inode: int
    num_bytes: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> "FileState":
        """Reads the present state of a file.

        Raises:
            OSError: if there is no such file.
        """
        status = path.stat()
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images in the row-major order of their factor grid.

    A set that was opened from a file is pickled without its images: whoever unpickles it maps the
    file again. The file must then be in the same state.

    Attributes:
        name: the data set's name.
        path: the file that holds the images.
        images: (N, 64, 64, 3) uint8, backed by the file; index it, never copy it whole.
        space: the factor grid, of N points.
        hidden: names of the factors that vary but do not count as ground truth.
        opened: the file's state when it was mapped; None for images that are only in memory.
        num_channels: of the file's images, 1 or 3; a single channel is shown as three equal ones.
        unknown: names of the factors whose values are unknown, so that finetuning leaves them out.

    Example:
        >>> images = np.zeros((6, 64, 64, 3), dtype=np.uint8)
        >>> toy = ImageSet("toy", Path(), images, FactorSpace(("shape", "size"), (2, 3)))
        >>> toy.space.index_to_factors([5]).tolist()  # of the last image
        [[1, 2]]
    """

    name: str
    path: Path
    images: npt.NDArray[np.uint8]
    space: FactorSpace
    hidden: tuple[str, ...] = ()
    opened: FileState | None = None
    num_channels: int = 3
    unknown: tuple[str, ...] = ()

    @cached_property
    def sha256(self) -> str:
        """The file's SHA-256 in hexadecimal; read once, which takes a minute for 12.7 GB."""
        digest = sha256_of(self.path)
        self.require_unchanged()
        return digest

    def require_unchanged(self) -> None:
        """Refuses images whose file was written or replaced since it was opened.

        Mapped images follow their file. A run calls this at its end, so that no result of mixed
        images is kept.

        Raises:
            InputError: if the file is gone, was replaced, or was written to.
        """
        if self.opened is None:
            return
        try:
            now = FileState.of(self.path)
        except OSError as error:
            raise InputError(
                f"{self.path} was removed while it was in use ({error.strerror}); restore the file "
                "and run this again"
            ) from error
        if now != self.opened:
            raise InputError(
                f"{self.path} changed while it was in use: expected {self.opened.num_bytes:,} "
                f"bytes as first opened, got a file of {now.num_bytes:,} bytes written since; "
                "results may mix both, so run this again and leave the file alone meanwhile"
            )

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if self.opened is not None:
            del state["images"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "images" not in state:
            self.__dict__["images"] = map_images(self.path, self.num_channels)
            self.require_unchanged()


def map_images(path: Path, num_channels: int = 3) -> npt.NDArray[np.uint8]:
    """Maps the images of an `.npz` file, whose first axes may be the factors or one axis.

    Args:
        path: the file.
        num_channels: of its images, 1 or 3; a single channel is shown as three equal ones.

    Returns:
        (N, 64, 64, 3) uint8, backed by the file.

    Raises:
        FileNotFoundError: if there is no such file.
        PermissionError: if it may not be read.
        InputError: if it does not hold such images; the message has their shape and type.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(Path(folder, "toy.npz"), images=np.zeros((2, 3, 64, 64, 3), np.uint8))
        ...     map_images(Path(folder, "toy.npz")).shape
        (6, 64, 64, 3)
    """
    images = map_member(path)
    shape = (*IMAGE_SHAPE[:2], num_channels)
    if images.dtype != np.uint8 or images.ndim < 4 or images.shape[-3:] != shape:
        hint = ""
        if images.shape[-3:] == (num_channels, *IMAGE_SHAPE[:2]):
            hint = "; move the channels to the last axis"
        elif images.dtype.kind == "f":
            hint = "; save levels from 0 to 255 as uint8"
        raise InputError(
            f"expected images of shape (N, 64, 64, {num_channels}) and type uint8 in {path}, "
            f"got {images.shape} {images.dtype}{hint}"
        )
    flat = images.reshape(-1, *shape)
    return np.broadcast_to(flat, (len(flat), *IMAGE_SHAPE))


def file_of(name: str, folder: Path) -> Path:
    """Names the file of an image set inside the data folder.

    Example:
        >>> file_of("standin_toy", Path("data")).as_posix()
        'data/standin_toy/standin_toy.npz'
    """
    return folder / name / f"{name}.npz"
