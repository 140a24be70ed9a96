"""Labelled renders whose look varies: the simulations' paint, the scenes of all three looks.

An extractor that is to read another camera's images must not rely on what differs from one look to
the next. Cameras and the angles of the axes were fitted together, so they move together here.
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from experiments.finetuning import REAL
from submission.data.standin.look import Look, look_named, look_of
from submission.data.standin.scene import Scene

__all__ = ["SIMULATIONS", "mixed", "other_look", "varied_look"]

FloatArray = npt.NDArray[np.float64]

SIMULATIONS = ("standin_toy", "standin_realistic")
FIRST_NUMBER = 8
"""Smaller numbers are those of the fixed looks."""

FIRST_OTHER = 100_000
"""Numbers of varied looks from here on are for objects that no head knows."""

BEYOND = 0.3
"""How far a mixture of the two looks may lie outside them, as a share of their difference."""

TOWARDS_REAL = 0.2, 1.4
"""How far a scene lies from the mixture towards the real look's, as shares of what differs."""

MEASURES: dict[str, Any] = {
    "cameras": [0.05, 0.05, 0.06, 0.5, 0.6, 0.8, 2.5],
    "ring": [0.02, 0.03, 1.5, 1.5],
    "walls": [0.12, 1.5],
    "plate": [0.05, 0.03, 0.03],
    "axes": [0.3, 0.5, 0.5, 0.3, 0.5, 0.5],
    "shoulder": [0.015, 0.012, 0.012, 0.012],
    "rod": [0.01, 0.006, 0.01],
    "clamp": [0.012, 0.012, 0.012, 0.02, 0.02, 0.02],
    "column": [0.012, 0.012, 0.012, 0.015, 0.025],
    "foot": [0.012, 0.02, 0.015, 0.02, 0.015],
    "extents": [0.011, 0.011],
    "spins": [[2.5], [2.5], [2.5], [20.0], [2.5], [2.5]],
}
"""Standard deviations of what is added to the measures of `Scene`, in their units.

Real hexagonal prisms were mounted at any turn, each of its own; see docs/standin.md.
"""

ANY = -np.inf
LEAST = {
    "rod": [ANY, 0.018, ANY],
    "clamp": [0.01, 0.01, 0.01, ANY, ANY, ANY],
    "column": [0.03, 0.03, ANY, ANY, ANY],
    "foot": [0.02, ANY, ANY, ANY, 0.02],
}
"""Of measures that must stay positive."""

SHARES: dict[tuple[str, str], tuple[int, ...]] = {
    ("scene", "cameras"): (3, 1),
    ("paint", "ground"): (1, 5, 1, 1),
    ("paint", "plate"): (1, 3, 1, 1),
    ("paint", "ring"): (1, 1, 1, 1),
    ("paint", "arm"): (1, 5, 1, 1),
    ("paint", "gloss"): (1, 1, 1),
    ("paint", "light"): (1, 1, 1),
    ("paint", "mirror"): (1, 1, 1),
    ("paint", "colors"): (1, 6, 1),
}
"""Shapes of the shares of mixtures: one for each camera and each region of `Paint.ground`, say.

What is not listed has one share.
"""

SPREADS = {
    "ground": 2.0,
    "plate": 2.0,
    "ring": 2.0,
    "arm": 3.0,
    "gloss": 3.0,
    "light": 0.06,
    "mirror": 2.0,
}
"""Standard deviations of what is added to each weight of a surface, besides 10.5 % of its size.

Levels, and shares of a colour for the light on the object. The two simulations light an object
alike where the real room does not, so a mixture of theirs alone has too few shades.
"""

BRIGHTNESS: dict[str, Any] = {
    "plate": 0.4,
    "mirror": 0.4,
    "arm": np.array([0.15, 0.3, 0.4, 0.15, 0.4])[:, None, None],
}
"""Standard deviations of the logarithm of a surface's brightness; 0.15 of those not named here.

What glitters about the foot, and how joint and foot reflect the lamps, differs most. The plate has
a brightness for each of the ring's colours, whose light it reflects.
"""


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
    random = np.random.default_rng((19, number))
    values = {
        "scene": _scene(random),
        "paint": _paint(random),
        "lamps": {
            "places": random.uniform([-3, -2.5, 3], [3, 5, 8], (2, 3)),
            "radii": random.uniform(0.4, 2.0, 2),
            "strengths": random.uniform(0, 1, 2) * np.array([0.5, 0.25]),
        },
        "noise": {"tint": random.uniform(0, 1.5, 3), "grain": random.uniform(0, 2, 1)},
    }
    look = look_of(SIMULATIONS[0], values)
    return look._replace(name=f"varied {number}", number=FIRST_NUMBER + number)


@functools.cache
def other_look(number: int) -> Look:
    """Draws a varied look whose objects have colours and shapes that no head knows.

    Radius and half-height are drawn apart, so that a cube becomes a slab or a stick. Large ones are
    as much larger than small ones as the known objects are.

    Args:
        number: from 0.

    Example:
        >>> extents = other_look(0).scene.extents
        >>> bool((extents[:, 0] < extents[:, 1]).all())
        True
    """
    random = np.random.default_rng((20, number))
    look = varied_look(FIRST_OTHER + number)
    num_shapes, num_colors = len(look.scene.extents), look.paint.colors.shape[1]
    scale = np.exp(np.log(look.scene.extents).mean(axis=(0, 2)))  # (2,) of small and large
    slender = random.uniform(-0.45, 0.45, (num_shapes, 1))
    apart = np.exp(slender * np.array([-1.0, 2.0])[:, None, None])  # (2, n, 1)
    bulk = np.exp(random.normal(0, 0.08, (num_shapes, 1)))
    extents = np.moveaxis(apart * bulk * scale, 0, 2)  # (n, 2, 2)
    colors = random.uniform(15, 230, (1, num_colors, 3)) * np.exp(random.normal(0, 0.05, (3, 1, 1)))
    return look._replace(
        name=f"other {number}",
        scene=look.scene._replace(extents=extents, spins=random.uniform(0, 360, extents.shape[:2])),
        paint=look.paint._replace(colors=colors),
    )


def mixed(
    random: Generator,
    names: tuple[str, str],
    part: str,
    key: str,
    beyond: float,
) -> FloatArray:
    """Mixes the numbers of two looks in random shares.

    Args:
        random: draws the shares.
        names: of the looks' domains.
        part: of a look, as in `submission.data.standin.look.PARTS`.
        key: name of the numbers in that part.
        beyond: how far a mixture may lie outside the two, as a share of their difference.
    """
    first, last = (getattr(getattr(look_named(name), part), key) for name in names)
    share = random.uniform(-beyond, 1 + beyond, SHARES.get((part, key), ()))
    mixture: FloatArray = first + share * (last - first)
    return mixture


def _mixed(random: Generator, part: str, key: str) -> FloatArray:
    return mixed(random, SIMULATIONS, part, key, BEYOND)


def _scene(random: Generator) -> dict[str, FloatArray]:
    real = look_named(REAL).scene
    towards = random.uniform(*TOWARDS_REAL)
    scene = {}
    for key in Scene._fields:
        mixture = _mixed(random, "scene", key)
        mixture = mixture + towards * (getattr(real, key) - mixture)
        changed = mixture + np.array(MEASURES[key]) * random.standard_normal(mixture.shape)
        scene[key] = np.maximum(changed, LEAST.get(key, -np.inf))
    scene["extents"].sort(axis=1)  # small before large
    return scene


def _paint(random: Generator) -> dict[str, FloatArray]:
    paint = {}
    for key in SPREADS:
        shape = SHARES["paint", key]
        mixture = _mixed(random, "paint", key)
        brightness = np.exp(BRIGHTNESS.get(key, 0.15) * random.standard_normal(shape))
        tint = np.exp(random.normal(0, 0.06, (*shape[:-1], 3)))
        mixture = mixture * brightness * tint
        spread = 0.105 * np.abs(mixture).mean(axis=(0, -1), keepdims=True) + SPREADS[key]
        paint[key] = mixture + spread * random.standard_normal((*mixture.shape[:-1], 1))
    colors = _mixed(random, "paint", "colors")
    colors = colors + 14 * random.standard_normal((1, 6, 3)) + random.normal(0, 3, (3, 6, 3))
    return {**paint, "colors": colors, "blur": np.full(3, random.uniform(-0.02, 0.11))}
