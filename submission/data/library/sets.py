"""The other data sets of disentanglement_lib, brought once into the form of the MPI3D files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.console import progress_bar, say
from submission.data.image_file import write_images
from submission.data.image_set import IMAGE_SHAPE, ImageSet, file_of
from submission.data.library.loaders import load_with_library
from submission.data.npz import has_member, map_member, read_small_member
from submission.errors import InputError, MissingFileError
from submission.factors import FactorSpace

__all__ = ["LIBRARY_SETS", "LibrarySet", "convert", "open_library_set", "to_levels"]

PIECE = 256
OVERSHOOT = 0.5


@dataclass(frozen=True)
class LibrarySet:
    """What disentanglement_lib knows of a data set.

    Attributes:
        name: the library's name.
        space: all factors, in the library's order.
        sources: its files, below the data folder, where the library expects them too.
        num_channels: 1 or 3.
        hidden: names of the factors that vary but do not count as ground truth.
    """

    name: str
    space: FactorSpace
    sources: tuple[str, ...]
    num_channels: int
    hidden: tuple[str, ...] = ()


_SPRITES = FactorSpace(
    ("shape", "scale", "orientation", "position_x", "position_y"), (3, 6, 40, 32, 32)
)
_SPRITES_FILE = "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
_NORB_FILES = tuple(
    f"small_norb/smallnorb-5x{instances}x9x18x6x2x96x96-{part}-{kind}.mat"
    for instances, part in (("46789", "training"), ("01235", "testing"))
    for kind in ("dat", "cat", "info")
)
_NUM_CARS = 183

LIBRARY_SETS = (
    LibrarySet("dsprites_full", _SPRITES, (_SPRITES_FILE,), 1),
    LibrarySet("dsprites_noshape", _SPRITES, (_SPRITES_FILE,), 1, ("shape",)),
    LibrarySet("color_dsprites", _SPRITES, (_SPRITES_FILE,), 3),
    LibrarySet("noisy_dsprites", _SPRITES, (_SPRITES_FILE,), 3),
    LibrarySet("scream_dsprites", _SPRITES, (_SPRITES_FILE, "scream/scream.jpg"), 3),
    LibrarySet(
        "cars3d",
        FactorSpace(("elevation", "azimuth", "object_type"), (4, 24, _NUM_CARS)),
        ("cars",),
        3,
    ),
    LibrarySet(
        "shapes3d",
        FactorSpace(
            ("floor_color", "wall_color", "object_color", "object_size", "object_type", "azimuth"),
            (10, 10, 10, 8, 4, 15),
        ),
        (
            "3dshapes/look-at-object-room_floor-hueXwall-hueXobj-hueXobj-sizeXobj-shapeX"
            "view-azi.npz",
        ),
        3,
    ),
    LibrarySet(
        "smallnorb",
        FactorSpace(
            ("category", "instance", "elevation", "azimuth", "lighting"), (5, 10, 9, 18, 6)
        ),
        _NORB_FILES,
        1,
        ("instance",),
    ),
    # The library's noise has ten factors that no image depends on; five make a set of usable size.
    LibrarySet("dummy_data", FactorSpace(tuple(f"factor_{j}" for j in range(5)), (5,) * 5), (), 1),
)


def open_library_set(known: LibrarySet, folder: Path) -> ImageSet:
    """Opens one of the library's data sets, converting it first when that has not been done.

    shapes3d is mapped where it lies, since the library's loader would take 47 GB. The others
    go through the library's classes once, into `folder/name/name.npz`.

    Args:
        known: one of `LIBRARY_SETS`.
        folder: the data folder.

    Raises:
        FileNotFoundError: if a file of the set is missing.
        ValueError: if a file does not hold what its name says.
        OSError: if the converted file cannot be written.
    """
    sources = tuple(folder / source for source in known.sources)
    for source in sources:
        if not source.exists():
            raise MissingFileError(
                f"expected {source} for {known.name}, where disentanglement_lib reads it too; "
                "put it there"
            )
    if known.name == "shapes3d":
        path = sources[0]
        images = map_member(path)
        if images.shape == (*known.space.sizes, *IMAGE_SHAPE):
            images = images.reshape(-1, *IMAGE_SHAPE)
    else:
        path = file_of(known.name, folder)
        if not path.exists() or not _is_current(path, sources):
            convert(known, folder, sources, path)
        images = map_member(path)
    expected = (known.space.num_points, 64, 64, known.num_channels)
    if images.shape != expected or images.dtype != np.uint8:
        raise InputError(
            f"expected uint8 images of shape {expected} in {path}, "
            f"got {images.dtype} {images.shape}"
        )
    repeated = np.broadcast_to(images, (len(images), *IMAGE_SHAPE))
    return ImageSet(known.name, path, repeated, known.space, known.hidden)


def convert(known: LibrarySet, folder: Path, sources: tuple[Path, ...], path: Path) -> None:
    """Writes every image of a set, drawn by the library's class, to an `.npz` file.

    Where the library draws colours or noise at random, they follow from the image's index.

    Raises:
        ValueError: if a source does not hold what its name says.
        OSError: if the file cannot be written.
    """
    if known.name == "cars3d":
        num_cars = sum(".mat" in file.name for file in sources[0].iterdir())
        if num_cars != _NUM_CARS:
            raise InputError(f"expected {_NUM_CARS} .mat files in {sources[0]}, got {num_cars}")
    say(f"{known.name}: converting {known.space.num_points:,} images once, into {path}")
    data = load_with_library(known.name, folder, sources, known.space)
    shape = (known.space.num_points, 64, 64, known.num_channels)
    write_images(
        path,
        shape,
        _drawn(known, data),
        factor_sizes=np.array(known.space.sizes),
        sources=_fingerprint(sources),
    )


def to_levels(observations: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Turns floating-point pixels into 8-bit levels, rounding to the nearest.

    Args:
        observations: pixels in [0, 1]; resampling may overshoot a little, which is clipped.

    Raises:
        ValueError: if pixels are not finite or plainly of another range.
    """
    low, high = float(observations.min()), float(observations.max())
    if not (low >= -OVERSHOOT and high <= 1 + OVERSHOOT):
        raise InputError(f"expected pixels from 0 to 1, got {low:g} to {high:g}")
    levels: npt.NDArray[np.uint8] = np.rint(np.clip(observations, 0, 1) * 255).astype(np.uint8)
    return levels


def _drawn(known: LibrarySet, data: Any) -> Iterator[npt.NDArray[np.uint8]]:
    """Yields the images of a set, a piece at a time, in grid order."""
    with progress_bar(known.space.num_points, f"converting {known.name}", " images") as bar:
        for start in range(0, known.space.num_points, PIECE):
            index = np.arange(start, min(start + PIECE, known.space.num_points))
            factors = known.space.index_to_factors(index)
            random = np.random.RandomState([0, start])
            yield to_levels(data.sample_observations_from_factors(factors, random))
            bar.update(len(index))


def _fingerprint(sources: tuple[Path, ...]) -> npt.NDArray[np.int64]:
    """Lists size and time of change of every source file, (n, 2)."""
    files = [
        file
        for source in sources
        for file in (sorted(source.iterdir()) if source.is_dir() else [source])
    ]
    states = [(file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return np.array(states, np.int64).reshape(-1, 2)


def _is_current(path: Path, sources: tuple[Path, ...]) -> bool:
    """Tells whether a converted file came from the source files as they are now."""
    return has_member(path, "sources") and np.array_equal(
        read_small_member(path, "sources"), _fingerprint(sources)
    )
