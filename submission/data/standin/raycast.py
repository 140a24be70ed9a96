"""Where a ray meets the scene.

Directions are unit vectors. No floating-point shortcut is allowed, so that a ray has one answer
whichever thread follows it.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.data.standin.scene import (
    BASE,
    COLUMN,
    RING,
    ROD_RADIUS,
    WALL_APOTHEM,
    WALL_NORMALS,
)
from submission.data.standin.shapes import FAR, NEAR, hit_shape
from submission.data.standin.vectors import Vector, dot, minus, row, times, travelled

__all__ = [
    "ARM",
    "BASE_PLATE",
    "FLOOR",
    "OBJECT",
    "RING_BAND",
    "WALL",
    "Load",
    "first_hit",
    "occluded",
]

FLOOR, RING_BAND, WALL, ARM, BASE_PLATE, OBJECT = range(6)
NOWHERE = (0.0, 0.0, 0.0)
UP = (0.0, 0.0, 1.0)


class Load(NamedTuple):
    """The arm and what it carries.

    Attributes:
        shape: 0..5.
        extent: the object's half-extent.
        pose: (5, 3) as `scene.poses` gives it.
    """

    shape: int
    extent: float
    pose: npt.NDArray[np.float64]


@njit(error_model="numpy")
def _hit_object(load: Load, origin: Vector, direction: Vector) -> tuple[float, Vector]:
    away = minus(origin, row(load.pose, 4))
    b = dot(away, direction)
    outside = dot(away, away) - 3.0 * load.extent * load.extent  # of the sphere around [-1, 1]^3
    if b * b < outside or (b > 0.0 and outside > 0.0):
        return FAR, NOWHERE
    u, v, w = row(load.pose, 0), row(load.pose, 1), row(load.pose, 2)
    scale = 1.0 / load.extent
    t, n = hit_shape(
        load.shape,
        times((dot(u, away), dot(v, away), dot(w, away)), scale),
        times((dot(u, direction), dot(v, direction), dot(w, direction)), scale),
    )
    if t == FAR:
        return FAR, NOWHERE
    normal = travelled(travelled(times(u, n[0]), v, n[1]), w, n[2])
    return t, times(normal, 1.0 / math.sqrt(dot(n, n)))


@njit(error_model="numpy")
def _hit_upright(
    size: tuple[float, float], origin: Vector, direction: Vector
) -> tuple[float, Vector]:
    """Meets an upright cylinder of a radius and height, standing at the origin, from outside."""
    radius, height = size
    ox, oy, oz = origin
    dx, dy, dz = direction
    a = dx * dx + dy * dy
    b = ox * dx + oy * dy
    root = b * b - a * (ox * ox + oy * oy - radius * radius)
    if a > 1e-12:
        if root <= 0.0:
            return FAR, NOWHERE
        t = (-b - math.sqrt(root)) / a
        z = oz + t * dz
        if t > NEAR and 0.0 <= z <= height:
            return t, ((ox + t * dx) / radius, (oy + t * dy) / radius, 0.0)
    if abs(dz) > 1e-12:
        t = (height - oz) / dz
        x, y = ox + t * dx, oy + t * dy
        if t > NEAR and x * x + y * y < radius * radius:
            return t, UP
    return FAR, NOWHERE


@njit(error_model="numpy")
def _hit_rod(load: Load, origin: Vector, direction: Vector) -> tuple[float, Vector]:
    """Meets the side of the rod, a cylinder of length one from the shoulder on."""
    rod = row(load.pose, 2)
    away = minus(origin, row(load.pose, 3))
    along = dot(rod, direction)
    start = dot(rod, away)
    a = 1.0 - along * along
    b = dot(away, direction) - along * start
    root = b * b - a * (dot(away, away) - start * start - ROD_RADIUS * ROD_RADIUS)
    if root <= 0.0 or a < 1e-12:
        return FAR, NOWHERE
    t = (-b - math.sqrt(root)) / a
    s = start + t * along
    if t < NEAR or s < 0.0 or s > 1.0:
        return FAR, NOWHERE
    return t, times(minus(travelled(away, direction, t), times(rod, s)), 1.0 / ROD_RADIUS)


@njit(error_model="numpy")
def first_hit(
    walls: bool, load: Load, origin: Vector, direction: Vector
) -> tuple[float, int, Vector]:
    """Finds what a ray meets first.

    Args:
        walls: whether the cabinet's walls stand.
        load: the arm.
        origin: of the ray, above the floor; walls are seen from inside only.
        direction: a unit vector.

    Returns:
        Distance, material and unit normal; the material is -1 for the void.
    """
    best, normal = _hit_object(load, origin, direction)
    material = OBJECT if best < FAR else -1
    t, n = _hit_rod(load, origin, direction)
    if t < best:
        best, normal, material = t, n, ARM
    t, n = _hit_upright(COLUMN, origin, direction)
    if t < best:
        best, normal, material = t, n, ARM
    t, n = _hit_upright(BASE, origin, direction)
    if t < best:
        best, normal, material = t, n, BASE_PLATE
    if direction[2] < 0.0:
        t = -origin[2] / direction[2]
        if t < best:
            best, normal = t, UP
            x, y, _ = travelled(origin, direction, t)
            r = math.sqrt(x * x + y * y)
            material = RING_BAND if RING[0] < r < RING[1] else FLOOR
    if walls:
        for k in range(6):
            x, y = WALL_NORMALS[k, 0], WALL_NORMALS[k, 1]
            speed = x * direction[0] + y * direction[1]
            if speed > 1e-9:
                t = (WALL_APOTHEM - x * origin[0] - y * origin[1]) / speed
                if NEAR < t < best:
                    best, normal, material = t, (-x, -y, 0.0), WALL
    return best, material, normal


@njit(error_model="numpy")
def occluded(load: Load, origin: Vector, direction: Vector) -> bool:
    """Tells whether object, rod or column stand in the way of a ray, however far."""
    return (
        _hit_object(load, origin, direction)[0] < FAR
        or _hit_rod(load, origin, direction)[0] < FAR
        or _hit_upright(COLUMN, origin, direction)[0] < FAR
    )
