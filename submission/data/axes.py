"""Finds out from images which axis of an MPI3D-like set is the elevation and which the azimuth.

The arm has two joints. The elevation, `horizontal_axis`, swings the object over the zenith from
one side of the picture to the other. The azimuth, `vertical_axis`, turns the arm about its column.
When the elevation stands in its middle, the object is above the column: then the azimuth moves it
little to the sides. The elevation has no such position of the azimuth.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from submission.data.check import Finding
from submission.data.image_set import ImageSet

__all__ = ["check_axes"]

NUM_SWEEPS = 24
NUM_STEPS = 8
CHANGE = 30
"""Levels by which a pixel must change during a sweep to count as swept."""

FEWEST_POSITIONS = 5
FEWEST_EVEN_POSITIONS = 10
"""In a shorter even axis both middle positions are too far from the middle."""

MARGIN = 1.25
"""By which factor the axes' widths must differ to tell them apart."""

AXES = ("horizontal_axis", "vertical_axis")


def check_axes(image_set: ImageSet) -> Iterator[Finding]:
    """Compares the two axes' names with what the images show.

    Yields:
        One finding; it is a doubt where names and images disagree.
    """
    space = image_set.space
    if not set(AXES) <= set(space.names):
        return
    positions = [space.names.index(name) for name in AXES]
    sizes = [space.sizes[position] for position in positions]
    if not all(map(_has_middle, sizes)):
        few = f"{sizes[0]} and {sizes[1]} positions are too few"
        yield Finding(f"axes: not tested, {few}", is_partial=True)
        return
    elevation, azimuth = (
        _stillness(image_set, moved, held) for moved, held in (positions, positions[::-1])
    )
    widths = f"(width of a sweep with the other axis in its middle: {elevation:.2f}, {azimuth:.2f})"
    if max(azimuth, elevation) < MARGIN * min(azimuth, elevation):
        unclear = f"axes: the images do not tell elevation and azimuth apart {widths}"
        yield Finding(unclear, is_partial=True)
    elif azimuth < elevation:
        yield Finding(f"axes: horizontal_axis is the elevation, vertical_axis the azimuth {widths}")
    else:
        yield Finding(
            f"axes: expected horizontal_axis to be the elevation and vertical_axis the azimuth, "
            f"got images that show the opposite {widths}; exchange the two names, or the two axes "
            "of the file, before comparing factors by name",
            is_doubt=True,
        )


def _has_middle(size: int) -> bool:
    return size >= (FEWEST_POSITIONS if size % 2 else FEWEST_EVEN_POSITIONS)


def _stillness(image_set: ImageSet, moved: int, held: int) -> float:
    """Measures how little one axis moves the object to the sides while the other is in its middle.

    Returns:
        the width of sweeps with the other axis in its middle, divided by that at its two ends.
    """
    size = image_set.space.sizes[held]
    middle = _width(image_set, moved, held, ((size - 1) // 2, size // 2))
    ends = _width(image_set, moved, held, (0, size - 1))
    return middle / max(ends, 1e-9)


def _width(image_set: ImageSet, moved: int, held: int, values: tuple[int, int]) -> float:
    """Averages the width of sweeps with the held axis at two values in turn.

    An axis is swept while all other factors stand. The width is the standard deviation of the
    columns of the pixels that change by more than 30 levels. Unlike their number, it does not
    depend on the object's size and distance.
    """
    space = image_set.space
    random = np.random.default_rng(0)
    size = space.sizes[moved]
    steps = np.unique(np.linspace(0, size - 1, min(NUM_STEPS, size)).round().astype(np.int64))
    widths = []
    for number in range(NUM_SWEEPS):
        factors = np.tile(random.integers(space.sizes), (len(steps), 1))
        factors[:, moved] = steps
        factors[:, held] = values[number % 2]
        images: npt.NDArray[np.uint8] = image_set.images[space.factors_to_index(factors)]
        change = images.max(axis=0) - images.min(axis=0)  # (64, 64, 3)
        _, columns = np.nonzero(change.max(axis=-1) > CHANGE)
        widths.append(columns.std() if len(columns) else 0.0)
    return float(np.mean(widths))
