"""Checks that images lie in the order of their factor grid, from pairs of images."""

from collections.abc import Iterator

import numpy as np

from submission.data.catalogue import renewal
from submission.data.check import Finding
from submission.data.image_set import ImageSet
from submission.errors import InputError
from submission.factors import FactorSpace, IntArray, is_axis

__all__ = ["check_order"]


NUM_TRIPLES = 512

FEWEST_IMAGES = 64
"""In smaller sets there are too few different pairs to compare."""

LONG_AXIS = 16
"""From this number of positions on, objects at neighbouring positions of an axis overlap."""

CAMERA, RING = "camera_height", "background_color"
"""The factors whose change is seen in every image, wherever the object is."""

SURE = 4.0
"""Standard errors by which neighbours must be closer than others; 1 in 30,000 by chance."""


def check_order(image_set: ImageSet) -> Iterator[Finding]:
    """Tests along every factor that neighbours in the grid look more alike than other images.

    A file whose blocks of the first five factors were shuffled fails, and so does one whose long
    axes are in another order. A consistent exchange of colours, shapes and sizes is not noticed.

    Raises:
        InputError: if neighbours along a factor differ as much as images further apart.
    """
    if image_set.space.num_points < FEWEST_IMAGES:
        few = f"{image_set.space.num_points:,} images are too few"
        yield Finding(f"order: not tested, {few}", is_partial=True)
        return
    found = _compare_neighbours(image_set)
    for name, (ratio, standard_errors) in found.items():
        if not standard_errors > SURE:
            raise InputError(
                f"expected images that are near in {name} to look alike in {image_set.path}, got "
                f"differences of {ratio:.2f} times those of images further apart; the "
                f"images are out of order or corrupt, {renewal(image_set.path)}"
            )
    ratios = ", ".join(f"{name} {ratio:.2f}" for name, (ratio, _) in found.items())
    sizes = zip(image_set.space.names, image_set.space.sizes, strict=True)
    untested = [name for name, size in sizes if size > 1 and name not in found]
    note = f"; not tested: {', '.join(untested)}" if untested else ""
    yield Finding(
        f"order: difference of near images over that of far ones, {ratios}{note}",
        is_partial=bool(untested),
    )


def _compare_neighbours(image_set: ImageSet) -> dict[str, tuple[float, float]]:
    """Compares neighbours along each factor with pairs of images that are further apart.

    An image x is compared with a near image y and a far image z:

    - Of most factors, y is one step away from x. z equals y but for camera and ring, or, where the
      grid has one of each, but for the axes.
    - Along a long axis, y is one step away from x, and z a third of the axis.
    - Another camera changes the whole image. So x and y share the camera and nothing else, and z
      is y seen by another camera.

    In a shuffled file y and z are equally far from x.

    Returns:
        by name, for each factor along which there is a comparison to make: the mean absolute
        difference of neighbours divided by that of the others, and by how many standard errors
        the mean of the paired differences lies above 0.
    """
    random = np.random.default_rng(0)
    space = image_set.space
    found = {}
    for factor, name in enumerate(space.names):
        first = np.stack([random.integers(size, size=NUM_TRIPLES) for size in space.sizes], axis=1)
        pair = _near_and_far(space, factor, first, random)
        if pair is None:
            continue
        levels = [
            image_set.images[space.factors_to_index(factors)].astype(np.int16)
            for factors in (first, *pair)
        ]
        beside, apart = (np.abs(levels[0] - other).mean(axis=(1, 2, 3)) for other in levels[1:])
        gain = apart - beside
        error = float(gain.std()) / np.sqrt(len(gain))
        ratio = float(beside.mean() / max(float(apart.mean()), 1e-9))
        found[name] = ratio, float(gain.mean()) / max(error, 1e-9)
    return found


def _near_and_far(
    space: FactorSpace, factor: int, first: IntArray, random: np.random.Generator
) -> tuple[IntArray, IntArray] | None:
    """Draws the (n, F) near and far images; None where the grid has none to compare."""
    size, name = space.sizes[factor], space.names[factor]
    if size < 2:
        return None
    near = first.copy()
    near[:, factor] = _stepped(first[:, factor], 1, size)
    if name == CAMERA:
        far = random.permutation(near)
        far[:, factor] = near[:, factor]
        near = far.copy()
        near[:, factor] = first[:, factor]
        return near, far
    far = near.copy()
    if is_axis(name) and size >= LONG_AXIS:
        far[:, factor] = _stepped(first[:, factor], size // 3, size)
        return near, far
    varying = [j for j in range(space.num_factors) if j != factor and space.sizes[j] > 1]
    changing = [j for j in varying if space.names[j] in (CAMERA, RING)]
    if not changing and not is_axis(name):
        changing = [j for j in varying if is_axis(space.names[j])]
    if not changing:
        return None
    for j in changing:
        step = random.integers(1, space.sizes[j], size=len(first))
        far[:, j] = (first[:, j] + step) % space.sizes[j]
    return near, far


def _stepped(values: IntArray, step: int, size: int) -> IntArray:
    """Moves values up by a step, and down where up would leave the range."""
    return np.where(values + step < size, values + step, values - step)
