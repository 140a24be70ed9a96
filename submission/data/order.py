"""Checks that images lie in the order of their factor grid, from pairs of images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.data.catalogue import renewal
from submission.data.check import Finding
from submission.data.image_set import ImageSet
from submission.errors import InputError
from submission.factors import FactorSpace, is_axis

__all__ = ["Neighbours", "check_order", "compare_neighbours"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

NUM_PAIRS = 512

FEWEST_IMAGES = 64
"""In smaller sets there are too few different pairs to compare."""

LONG_AXIS = 8
"""From this number of positions on, an axis' neighbours look alike compared with its far ends."""

SURE = 4.0
"""Standard errors by which neighbours must be closer than others; 1 in 30,000 by chance."""


@dataclass(frozen=True)
class Neighbours:
    """How images that differ by one step of one factor compare with images further apart.

    Attributes:
        ratio: mean absolute difference of neighbours, divided by that of the others.
        standard_errors: how far the mean of the paired differences lies above 0.
    """

    ratio: float
    standard_errors: float


def check_order(image_set: ImageSet) -> list[Finding]:
    """Tests along every factor that neighbours in the grid look more alike than other images.

    A file whose blocks of some factors were shuffled fails for each of these factors.

    Raises:
        InputError: if neighbours along a factor differ as much as images further apart.
    """
    if image_set.space.num_points < FEWEST_IMAGES:
        text = f"order: not tested, {image_set.space.num_points:,} images are too few"
        return [Finding(text)]
    found = compare_neighbours(image_set)
    for name, pairs in found.items():
        if not pairs.standard_errors > SURE:
            raise InputError(
                f"expected neighbours along {name} to look alike in {image_set.path}, got "
                f"differences of {pairs.ratio:.2f} times those of images further apart; the "
                f"images are out of order or corrupt, {renewal(image_set.path)}"
            )
    ratios = ", ".join(f"{name} {pairs.ratio:.2f}" for name, pairs in found.items())
    untested = [name for name in image_set.space.names if name not in found]
    note = f"; not tested: {', '.join(untested)}" if untested else ""
    return [Finding(f"order: difference of neighbours over that of others, {ratios}{note}")]


def compare_neighbours(
    image_set: ImageSet, num_pairs: int = NUM_PAIRS, seed: int = 0
) -> dict[str, Neighbours]:
    """Compares neighbours along each factor with pairs of images that are further apart.

    An image x has a neighbour y, one step along the factor. The other image z is, along a long
    axis, a third of the axis away from x. For every other factor z has the factor's value of y,
    and another value than x of every other factor that is no axis. In a shuffled file y and z are
    equally far from x.

    Args:
        image_set: the images.
        num_pairs: n, triples (x, y, z) for each factor.
        seed: decides the sample.

    Returns:
        the comparison by name, for each factor along which there is one to make.
    """
    random = np.random.default_rng(seed)
    space = image_set.space
    found = {}
    for factor, name in enumerate(space.names):
        first = np.stack([random.integers(size, size=num_pairs) for size in space.sizes], axis=1)
        others = _further_apart(space, factor, first, random)
        if others is None:
            continue
        near = first.copy()
        near[:, factor] = _stepped(first[:, factor], 1, space.sizes[factor])
        levels = [
            image_set.images[space.factors_to_index(factors)].astype(np.int16)
            for factors in (first, near, others)
        ]
        beside, apart = (np.abs(levels[0] - other).mean(axis=(1, 2, 3)) for other in levels[1:])
        found[name] = _compared(beside, apart)
    return found


def _further_apart(
    space: FactorSpace, factor: int, first: IntArray, random: np.random.Generator
) -> IntArray | None:
    """Draws the (n, F) other images; None where the grid has none to compare with."""
    size = space.sizes[factor]
    axes = [is_axis(name) for name in space.names]
    if size < 2:
        return None
    others = first.copy()
    if axes[factor] and size >= LONG_AXIS:
        others[:, factor] = _stepped(first[:, factor], size // 3, size)
        return others
    changing = [j for j in range(space.num_factors) if j != factor and space.sizes[j] > 1]
    changing = [j for j in changing if not axes[j]] or changing
    if not changing:
        return None
    others[:, factor] = _stepped(first[:, factor], 1, size)
    for j in changing:
        step = random.integers(1, space.sizes[j], size=len(first))
        others[:, j] = (first[:, j] + step) % space.sizes[j]
    return others


def _stepped(values: IntArray, step: int, size: int) -> IntArray:
    """Moves values up by a step, and down where up would leave the range."""
    return np.where(values + step < size, values + step, values - step)


def _compared(beside: FloatArray, apart: FloatArray) -> Neighbours:
    """Compares (n,) differences of neighbours with those of the others, pair by pair."""
    gain = apart - beside
    error = float(gain.std()) / np.sqrt(len(gain))
    surplus = float(gain.mean())
    ratio = float(beside.mean() / max(float(apart.mean()), 1e-9))
    return Neighbours(ratio, surplus / max(error, 1e-9))
