"""How much of the lamps the arm hides from a place on the floor."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.data.standin.raycast import Load
from submission.data.standin.scene import Scene
from submission.data.standin.vectors import Vector, dot, minus, row, times

__all__ = ["Lamps", "hidden"]


class Lamps(NamedTuple):
    """Round lamps above the scene.

    Attributes:
        places: (n, 3).
        radii: (n,).
        strengths: (n,) share of the floor's light that comes from each.
    """

    places: npt.NDArray[np.float64]
    radii: npt.NDArray[np.float64]
    strengths: npt.NDArray[np.float64]


@njit(error_model="numpy")
def _overlap(gap: float, lamp: float, thing: float) -> float:
    """Returns from 0 to 1 how far a thing stands before a lamp; all measures are angles."""
    s = (lamp + thing - gap) / (2.0 * min(lamp, thing))
    if s <= 0.0:
        return 0.0
    if s >= 1.0:
        return 1.0
    return s * s * (3.0 - 2.0 * s)


@njit(error_model="numpy")
def hidden(scene: Scene, load: Load, place: Vector, radius: float, point: Vector) -> float:
    """Returns the share of a round lamp that object and column hide from a point.

    The object counts as a ball and the column as a line of its own width.

    Args:
        scene: its measures.
        load: the arm.
        place: of the lamp.
        radius: of the lamp.
        point: on the floor.
    """
    way = minus(place, point)
    distance = math.sqrt(dot(way, way))
    way = times(way, 1.0 / distance)
    lamp = radius / distance
    to = minus(row(load.pose, 5), point)
    along = dot(to, way)
    ball = (load.radius * load.radius * load.half_height) ** (1.0 / 3.0)
    gap = math.sqrt(max(0.0, dot(to, to) - along * along)) / along if along > 0.0 else 9.0
    by_object = 0.0
    if along > 0.0:
        thing = ball / along
        by_object = _overlap(gap, lamp, thing) * min(1.0, (thing / lamp) ** 2)
    # the column: where the ray passes nearest to the vertical axis
    level = math.hypot(way[0], way[1])
    near = -(point[0] * way[0] + point[1] * way[1]) / (level * level)
    by_column = 0.0
    if near > 0.0:
        cross = abs(point[0] * way[1] - point[1] * way[0]) / level
        half = 0.5 * (scene.column[0] + scene.column[1])
        over = max(0.0, near * way[2] - scene.column[4])
        apart = math.sqrt(cross * cross + over * over) / near
        thing = half / near
        by_column = _overlap(apart, lamp, thing) * min(1.0, thing / lamp)
    return 1.0 - (1.0 - by_object) * (1.0 - by_column)
