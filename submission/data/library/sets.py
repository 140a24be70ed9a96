"""The other data sets of disentanglement_lib, brought once into the form of the MPI3D files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.console import progress_bar, say
from submission.data.image_file import write_images
from submission.data.image_set import FileState, ImageSet, file_of, map_images
from submission.data.library.loaders import load_with_library
from submission.data.library.shapes3d import read_shapes3d
from submission.data.npz import has_member, read_small_member
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
        alternative: a file that is read where `sources` are missing; empty for none.

    Example:
        >>> LIBRARY_SETS["shapes3d"].sources_in(Path("nowhere"))
        Traceback (most recent call last):
        submission.errors.MissingFileError: expected nowhere/...; put it there
    """

    name: str
    space: FactorSpace
    sources: tuple[str, ...]
    num_channels: int
    hidden: tuple[str, ...] = ()
    alternative: str = ""

    def sources_in(self, folder: Path) -> tuple[Path, ...]:
        """Finds the files to read in a data folder.

        Raises:
            MissingFileError: if one is missing; the message has the place where it belongs.
            InputError: if a folder is in a file's place, or a file in a folder's.
        """
        sources = tuple(folder / source for source in self.sources)
        instead = folder / self.alternative
        if self.alternative and instead.exists() and not all(map(Path.exists, sources)):
            sources = (instead,)
        for source in sources:
            if not source.exists():
                other = f", or {instead}" if self.alternative else ""
                raise MissingFileError(
                    f"expected {source} for {self.name}, where disentanglement_lib reads it "
                    f"too{other}; put it there"
                )
            if source.is_dir() == bool(source.suffix):
                kinds = ("a file", "a folder") if source.suffix else ("a folder", "a file")
                raise InputError(f"expected {kinds[0]} at {source} for {self.name}, got {kinds[1]}")
        return sources


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

_SETS = (
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
        alternative="3dshapes/3dshapes.h5",
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
LIBRARY_SETS = {known.name: known for known in _SETS}


def open_library_set(known: LibrarySet, folder: Path) -> ImageSet:
    """Opens one of the library's data sets, converting it first when that has not been done.

    shapes3d as an `.npz` file is mapped where it lies, since the library's loader would take 47 GB.
    The others are converted once, into `folder/name/name.npz`.

    Args:
        known: one of `LIBRARY_SETS`.
        folder: the data folder.

    Raises:
        MissingFileError: if a file of the set is missing.
        InputError: if a file does not hold what its name says.
        OutputError: if the converted file cannot be written.
    """
    sources = known.sources_in(folder)
    path = file_of(known.name, folder)
    if known.name == "shapes3d" and sources[0].suffix == ".npz":
        path = sources[0]
    elif not path.exists() or not _is_current(path, sources):
        convert(known, folder, sources, path)
    opened = FileState.of(path)
    images = map_images(path, known.num_channels)
    if len(images) != known.space.num_points:
        raise InputError(
            f"expected {known.space.num_points:,} images in {path}, got {len(images):,}"
        )
    return ImageSet(known.name, path, images, known.space, known.hidden, opened, known.num_channels)


def convert(known: LibrarySet, folder: Path, sources: tuple[Path, ...], path: Path) -> None:
    """Writes every image of a set, as the library's class draws it, to an `.npz` file.

    Where the library draws colours or noise at random, they follow from the image's index.

    Raises:
        InputError: if a source does not hold what its name says.
        OutputError: if the file cannot be written.
    """
    if known.name == "cars3d":
        num_cars = sum(".mat" in file.name for file in sources[0].iterdir())
        if num_cars != _NUM_CARS:
            raise InputError(f"expected {_NUM_CARS} .mat files in {sources[0]}, got {num_cars}")
    say(f"{known.name}: converting {known.space.num_points:,} images once, into {path}")
    if known.name == "shapes3d":
        pieces = read_shapes3d(sources[0], known.space)
    else:
        pieces = _drawn(known, load_with_library(known.name, folder, sources, known.space))
    write_images(
        path,
        (known.space.num_points, 64, 64, known.num_channels),
        pieces,
        factor_sizes=np.array(known.space.sizes),
        sources=_fingerprint(sources),
    )


def to_levels(observations: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Turns floating-point pixels into 8-bit levels, rounding to the nearest.

    Args:
        observations: pixels in [0, 1]; resampling may overshoot a little, which is clipped.

    Raises:
        InputError: if pixels are not finite or plainly of another range.

    Example:
        >>> to_levels(np.array([0.0, 0.5, 1.0])).tolist()
        [0, 128, 255]
    """
    low, high = float(observations.min()), float(observations.max())
    if not (low >= -OVERSHOOT and high <= 1 + OVERSHOOT):
        raise InputError(f"expected pixels from 0 to 1, got {low:g} to {high:g}")
    levels: npt.NDArray[np.uint8] = np.rint(np.clip(observations, 0, 1) * 255).astype(np.uint8)
    return levels


def _drawn(known: LibrarySet, data: Any) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Yields the images of a set in pieces, each with the number of its first image."""
    with progress_bar(known.space.num_points, f"converting {known.name}", " images") as bar:
        for start in range(0, known.space.num_points, PIECE):
            index = np.arange(start, min(start + PIECE, known.space.num_points))
            factors = known.space.index_to_factors(index)
            random = np.random.RandomState([0, start])
            yield start, to_levels(data.sample_observations_from_factors(factors, random))
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
