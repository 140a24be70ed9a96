"""Where a ray meets the arm and its object.

Directions are unit vectors. No floating-point shortcut is allowed, so that a ray has one answer
whichever thread follows it.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.data.standin.everyday import COFFEE_CUP, hit_everyday, is_cup
from submission.data.standin.scene import Scene
from submission.data.standin.shapes import FAR, NEAR, NOWHERE, hit_shape
from submission.data.standin.vectors import Vector, dot, minus, row, times, travelled, unit

__all__ = [
    "CLAMP",
    "COLUMN",
    "FOOT",
    "LINING",
    "NOTHING",
    "OBJECT",
    "ROD",
    "SHOULDER",
    "Load",
    "first_hit",
    "foot_centre",
]

COLUMN, SHOULDER, FOOT, ROD, CLAMP, OBJECT, LINING, NOTHING = range(8)
"""The lining is what paint does not cover of an object: a cup's inside, a ball's seam."""


class Load(NamedTuple):
    """The arm and what it carries.

    Attributes:
        shape: 0..9, as `shapes.py` and `everyday.py` number them.
        radius: the object's half-extent across its own axis.
        half_height: along it.
        pose: (6, 3) as `scene.poses` gives it.
        spin: cosine and sine of the object's turn about its own axis.
    """

    shape: int
    radius: float
    half_height: float
    pose: npt.NDArray[np.float64]
    spin: tuple[float, float]


@njit(error_model="numpy")
def _hit_object(load: Load, origin: Vector, direction: Vector) -> tuple[float, int, Vector]:
    away = minus(origin, row(load.pose, 5))
    b = dot(away, direction)
    far = 2.0 * load.radius * load.radius + load.half_height * load.half_height
    outside = dot(away, away) - far
    if b * b < outside or (b > 0.0 and outside > 0.0):
        return FAR, NOTHING, NOWHERE
    u, v, w = row(load.pose, 0), row(load.pose, 1), row(load.pose, 2)
    c, s = load.spin
    u, v = travelled(times(u, c), v, s), travelled(times(v, c), u, -s)
    r, h = 1.0 / load.radius, 1.0 / load.half_height
    start = (dot(u, away) * r, dot(v, away) * r, dot(w, away) * h)
    way = (dot(u, direction) * r, dot(v, direction) * r, dot(w, direction) * h)
    part = OBJECT
    if load.shape >= COFFEE_CUP:
        t, n, lined = hit_everyday(load.shape, start, way)
        if lined:
            part = LINING
    else:
        t, n = hit_shape(load.shape, start, way)
    if t == FAR:
        return FAR, NOTHING, NOWHERE
    return t, part, unit(travelled(travelled(times(u, n[0] * r), v, n[1] * r), w, n[2] * h))


@njit(error_model="numpy")
def _hit_tube(
    radius: float, start: Vector, axis: Vector, length: float, origin: Vector, direction: Vector
) -> tuple[float, Vector]:
    """Meets a cylinder with both its ends, from outside."""
    away = minus(origin, start)
    along, first = dot(axis, direction), dot(axis, away)
    a = 1.0 - along * along
    b = dot(away, direction) - along * first
    if a > 1e-12:  # else along the axis: only an end can be met
        root = b * b - a * (dot(away, away) - first * first - radius * radius)
        if root <= 0.0:
            return FAR, NOWHERE
        t = (-b - math.sqrt(root)) / a
        s = first + t * along
        if t > NEAR and 0.0 <= s <= length:
            return t, times(minus(travelled(away, direction, t), times(axis, s)), 1.0 / radius)
    if abs(along) > 1e-12:
        end = 0.0 if along > 0.0 else length
        t = (end - first) / along
        out = minus(travelled(away, direction, t), times(axis, end))
        if t > NEAR and dot(out, out) < radius * radius:
            return t, times(axis, -1.0 if along > 0.0 else 1.0)
    return FAR, NOWHERE


@njit(error_model="numpy")
def _hit_box(
    axes: tuple[Vector, Vector, Vector],
    half: Vector,
    middle: Vector,
    origin: Vector,
    direction: Vector,
) -> tuple[float, Vector]:
    """Meets a box: its three axes, and half-extent and middle along each."""
    enter, leave, normal = -FAR, FAR, NOWHERE
    for k in range(3):
        axis = axes[k]
        speed, place = dot(axis, direction), dot(axis, origin) - middle[k]
        if abs(speed) < 1e-12:
            if abs(place) > half[k]:
                return FAR, NOWHERE
        else:
            sign = 1.0 if speed > 0.0 else -1.0
            near, far = (-sign * half[k] - place) / speed, (sign * half[k] - place) / speed
            if near > enter:
                enter, normal = near, times(axis, -sign)
            leave = min(leave, far)
    if enter > leave or enter < NEAR:
        return FAR, NOWHERE
    return enter, normal


@njit(error_model="numpy")
def _hit_column(
    column: npt.NDArray[np.float64], load: Load, origin: Vector, direction: Vector
) -> tuple[float, Vector]:
    axes = row(load.pose, 3), row(load.pose, 1), (0.0, 0.0, 1.0)
    up = 0.5 * column[4]
    half, middle = (column[0], column[1], up), (column[2], column[3], up)
    return _hit_box(axes, half, middle, origin, direction)


@njit(error_model="numpy")
def foot_centre(foot: npt.NDArray[np.float64], load: Load) -> Vector:
    """Returns the middle of the motor at the foot."""
    across = times(row(load.pose, 1), foot[3])
    return travelled(travelled(across, row(load.pose, 3), foot[1]), (0.0, 0.0, 1.0), foot[2])


@njit(error_model="numpy")
def _hit_foot(
    foot: npt.NDArray[np.float64], load: Load, origin: Vector, direction: Vector
) -> tuple[float, Vector]:
    side = row(load.pose, 1)
    start = travelled(foot_centre(foot, load), side, -foot[4])
    t, normal = _hit_tube(foot[0], start, side, 2.0 * foot[4], origin, direction)
    if origin[2] + t * direction[2] < 0.0:  # the floor hides what lies below it
        return FAR, NOWHERE
    return t, normal


@njit(error_model="numpy")
def first_hit(
    scene: Scene, load: Load, origin: Vector, direction: Vector
) -> tuple[float, int, Vector]:
    """Finds what a ray meets first of arm and object.

    Args:
        scene: its measures.
        load: the arm.
        origin: of the ray.
        direction: a unit vector.

    Returns:
        Distance, part and unit normal; the part is `NOTHING` and the distance `FAR` for a miss.
    """
    best, part, normal = _hit_object(load, origin, direction)
    rod = row(load.pose, 2)
    start = travelled(row(load.pose, 4), rod, scene.rod[2])
    length = 1.0 - scene.rod[2]
    if is_cup(load.shape):
        length -= load.half_height
    t, n = _hit_tube(scene.rod[1], start, rod, length, origin, direction)
    if t < best:
        best, normal, part = t, n, ROD
    # everything else lies within 0.3 of the axis that the column turns about
    a = direction[0] * direction[0] + direction[1] * direction[1]
    cross = origin[0] * direction[1] - origin[1] * direction[0]
    if cross * cross > 0.09 * a:
        return best, part, normal
    side = row(load.pose, 1)
    start = travelled((0.0, 0.0, scene.shoulder[0]), side, scene.shoulder[2])
    length = scene.shoulder[3] - scene.shoulder[2]
    t, n = _hit_tube(scene.shoulder[1], start, side, length, origin, direction)
    if t < best:
        best, normal, part = t, n, SHOULDER
    axes = row(load.pose, 2), row(load.pose, 0), side
    clamp, above = scene.clamp, minus(origin, (0.0, 0.0, scene.shoulder[0]))
    half, middle = (clamp[0], clamp[1], clamp[2]), (clamp[3], clamp[4], clamp[5])
    t, n = _hit_box(axes, half, middle, above, direction)
    if t < best:
        best, normal, part = t, n, CLAMP
    t, n = _hit_column(scene.column, load, origin, direction)
    if t < best:
        best, normal, part = t, n, COLUMN
    t, n = _hit_foot(scene.foot, load, origin, direction)
    if t < best:
        best, normal, part = t, n, FOOT
    return best, part, normal
