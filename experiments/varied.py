"""Labelled renders whose look varies: between the two simulations' looks, and a little beyond.

An extractor that is to read another camera's images must not rely on what differs from one look to
the next. No real image and no look of one is used.
"""

import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.image_set import IMAGE_SHAPE, ImageSet
from submission.data.standin.look import Look, look_named, look_of, values_of
from submission.data.standin.render import render_look
from submission.data.standin.scene import Scene, standin_space
from submission.factors import FactorSpace, IntArray

__all__ = ["RenderedImages", "rendered_set", "varied_look"]

FloatArray = npt.NDArray[np.float64]

ENDS = ("standin_toy", "standin_realistic")
FIRST_NUMBER = 8
"""Smaller numbers are those of the fixed looks."""

SPREAD = {
    "cameras": np.array([0.05, 0.05, 0.06, 0.5, 0.6, 0.8, 2.5]),
    "ring": np.array([0.02, 0.03, 1.5, 1.5]),
    "walls": np.array([0.12, 1.5]),
    "plate": np.array([0.05]),
    "axes": np.array([0.8, 1.5, 0.8, 1.5]),
    "shoulder": np.array([0.015, 0.012, 0.012, 0.012]),
    "rod": np.array([0.01, 0.006, 0.01]),
    "column": np.array([0.012, 0.012, 0.012, 0.015, 0.025]),
    "foot": np.array([0.03, 0.03, 0.02, 0.03, 0.06]),
    "extents": np.array([0.009, 0.009]),
    "spins": np.array([2.5, 2.5]),
}
"""Standard deviations of what is added to the scene's measures, in their units."""

BEYOND = 0.3
"""How far a mixture of the two looks may lie outside them, as a share of their difference."""

POSITIVE = ("rod", "column", "foot", "plate", "shoulder")


def _mixed(one: FloatArray, other: FloatArray, share: FloatArray) -> FloatArray:
    mixture: FloatArray = one + share * (other - one)
    return mixture


@functools.cache
def varied_look(number: int) -> Look:
    """Draws a look, a pure function of its number.

    Args:
        number: from 0.

    Example:
        >>> one, other = varied_look(0), varied_look(1)
        >>> one.scene.cameras.shape, bool((one.scene.cameras != other.scene.cameras).all())
        ((3, 7), True)
    """
    toy, realistic = (look_named(name) for name in ENDS)
    random = np.random.default_rng((19, number))

    def share(*shape: int) -> FloatArray:
        return random.uniform(-BEYOND, 1 + BEYOND, shape)

    scene = {}
    for key in Scene._fields:
        one, other = getattr(toy.scene, key), getattr(realistic.scene, key)
        mixed = _mixed(one, other, share() if key != "cameras" else share(3, 1))
        scene[key] = mixed + SPREAD[key] * random.standard_normal(mixed.shape)
    scene["rod"][1] = max(scene["rod"][1], 0.018)
    scene["foot"][[0, 1, 4]] = np.maximum(scene["foot"][[0, 1, 4]], 0.02)
    scene["column"][:2] = np.maximum(scene["column"][:2], 0.03)
    paint = {}
    for key, shape in {
        "ground": (1, 6, 1, 1),
        "ring": (1, 1, 1, 1),
        "arm": (1, 4, 1, 1),
        "gloss": (1, 1, 1),
        "light": (1, 1, 1),
        "colors": (1, 6, 1),
        "blur": (1,),
    }.items():
        one, other = getattr(toy.paint, key), getattr(realistic.paint, key)
        mixed = _mixed(one, other, share(*shape))
        if key == "colors":
            mixed = mixed + 14 * random.standard_normal((1, 6, 3)) + random.normal(0, 3, (3, 6, 3))
        elif key == "blur":
            mixed = np.full(3, random.uniform(-0.02, 0.11))
        else:
            regions = np.exp(random.normal(0, 0.15, shape))
            tint = np.exp(random.normal(0, 0.06, (*shape[:-1], 3)))
            mixed = mixed * regions * tint
            slope = 0.3 * np.abs(mixed).mean(axis=(0, -1), keepdims=True)
            mixed = mixed + slope * random.standard_normal((*mixed.shape[:-1], 1)) * 0.35
        paint[key] = mixed
    lamps = {
        "places": random.uniform([-3, -2.5, 3], [3, 5, 8], (2, 3)),
        "radii": random.uniform(0.4, 2.0, 2),
        "strengths": random.uniform(0, 1, 2) * np.array([0.5, 0.25]),
    }
    noise = {"tint": random.uniform(0, 1.5, 3), "grain": random.uniform(0, 2, 1)}
    values = {"scene": scene, "paint": paint, "lamps": lamps, "noise": noise}
    lists = {part: {k: v.tolist() for k, v in group.items()} for part, group in values.items()}
    return look_of(ENDS[0], lists)._replace(name=f"varied {number}", number=FIRST_NUMBER + number)


class RenderedImages:
    """Images of the whole grid that are rendered when they are indexed, as an array would be.

    Args:
        looks: at least one.
        space: the grid.
    """

    def __init__(self, looks: Sequence[Look], space: FactorSpace) -> None:
        self.looks, self.space = tuple(looks), space
        self.shape = (space.num_points, *IMAGE_SHAPE)

    def __len__(self) -> int:
        return self.space.num_points

    def __getitem__(self, rows: IntArray) -> npt.NDArray[np.uint8]:
        """Renders (B,) images; which look an image has follows from its number."""
        images = np.empty((len(rows), *IMAGE_SHAPE), np.uint8)
        mixed = (np.asarray(rows, np.uint64) * np.uint64(2654435761)) >> np.uint64(7)
        which = (mixed % np.uint64(len(self.looks))).astype(np.int64)
        for number in np.unique(which):
            own = np.flatnonzero(which == number)
            factors = self.space.index_to_factors(rows[own])
            images[own] = render_look(self.looks[number], self.space, factors)
        return images


def rendered_set(name: str, looks: Sequence[Look]) -> ImageSet:
    """Makes a labelled set of the full grid for `finetune`, without a file.

    Args:
        name: of the set.
        looks: an image has one of them. The set's digest is that of their numbers.
    """
    space = standin_space()
    made = ImageSet(name, Path(), RenderedImages(looks, space), space)  # type: ignore[arg-type]
    numbers = json.dumps([values_of(look) for look in looks])
    made.__dict__["sha256"] = hashlib.sha256(numbers.encode()).hexdigest()
    return made
