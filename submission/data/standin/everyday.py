"""Where a ray meets the four everyday objects: coffee cup, tennis ball, croissant, beer cup.

As in `shapes.py`, heights lie within [-1, 1], but handles reach sqrt(2) from the axis. Cups open
towards +z and have their handles at +x. What paint does not cover, the lining of the cups and the
seam of the ball, is told apart.
"""

import math
from typing import NamedTuple

from numba import njit

from submission.data.standin.shapes import FAR, NEAR, NOWHERE
from submission.data.standin.vectors import Vector, dot, times, travelled

__all__ = [
    "BALL",
    "BEER_CUP",
    "COFFEE_CUP",
    "CROISSANT",
    "CUPS",
    "HOLLOW",
    "SEAM",
    "hit_everyday",
    "is_cup",
]

COFFEE_CUP, BALL, CROISSANT, BEER_CUP = range(6, 10)
"""Numbers of the shapes, which follow those of `shapes.py`."""


class Cup(NamedTuple):
    """A cup.

    Attributes:
        outer: squared radius of the wall's outside, as a polynomial in the height: three weights.
        inner: of its inside.
        floor: height of the floor inside.
        handle: a flat ring around an axis along y: x and z of its centre, its inner and outer
            radius, and half its width. What of it is inside the wall does not count.
    """

    outer: tuple[float, float, float]
    inner: tuple[float, float, float]
    floor: float
    handle: tuple[float, float, float, float, float]


def _bowl(radius: float, depth: float) -> tuple[float, float, float]:
    """Returns the profile of the lower half of an ellipsoid whose middle is at height 1."""
    share = (radius / depth) ** 2
    return radius**2 - share, 2 * share, -share


CUPS = (
    Cup(_bowl(0.85, 2.12), _bowl(0.79, 1.98), -0.85, (0.86, -0.05, 0.4, 0.55, 0.13)),
    Cup((0.5184, 0.0, 0.0), (0.4225, 0.0, 0.0), -0.85, (0.8, 0.0, 0.46, 0.6, 0.1)),
)
"""The coffee cup, a bowl, and the beer cup, a cylinder."""

SEAM = (3.0, 0.22)
"""The ball's seam is where z differs from this much of xy by less than that."""

HOLLOW = (0.78, 0.82)
"""Radius of the cylinder along z that the croissant lacks, and its middle's place along y."""


@njit(error_model="numpy")
def is_cup(shape: int) -> bool:
    """Tells whether a rod must end below a shape, not in its middle."""
    return shape in (COFFEE_CUP, BEER_CUP)


@njit(error_model="numpy")
def _height(profile: tuple[float, float, float], z: float) -> float:
    return profile[0] + profile[1] * z + profile[2] * z * z


@njit(error_model="numpy")
def _hit_walls(cup: Cup, origin: Vector, direction: Vector) -> tuple[float, Vector, bool]:
    ox, oy, oz = origin
    dx, dy, dz = direction
    best, normal, lined = FAR, NOWHERE, False
    for profile, low, sign in ((cup.outer, -1.0, 1.0), (cup.inner, cup.floor, -1.0)):
        a = dx * dx + dy * dy - profile[2] * dz * dz
        b = ox * dx + oy * dy - (0.5 * profile[1] + profile[2] * oz) * dz
        root = b * b - a * (ox * ox + oy * oy - _height(profile, oz))
        if root >= 0.0 and a > 1e-12:
            for side in (-1.0, 1.0):
                t = (-b + side * math.sqrt(root)) / a
                z = oz + t * dz
                if NEAR < t < best and low <= z <= 1.0:
                    best, lined = t, sign < 0.0
                    slope = -0.5 * profile[1] - profile[2] * z
                    normal = times((ox + t * dx, oy + t * dy, slope), sign)
    if abs(dz) > 1e-12:
        for z, sign in ((-1.0, -1.0), (cup.floor, 1.0), (1.0, 1.0)):
            t = (z - oz) / dz
            x, y = ox + t * dx, oy + t * dy
            square = x * x + y * y
            inside = square < _height(cup.inner, z)
            if z == cup.floor:
                met = inside
            else:
                met = square < _height(cup.outer, z) and not (z == 1.0 and inside)
            if met and NEAR < t < best:
                best, normal, lined = t, (0.0, 0.0, sign), z == cup.floor
    return best, normal, lined


@njit(error_model="numpy")
def _hit_handle(cup: Cup, origin: Vector, direction: Vector) -> tuple[float, Vector]:
    px, oy, pz = origin[0] - cup.handle[0], origin[1], origin[2] - cup.handle[1]
    dx, dy, dz = direction
    small, large, half = cup.handle[2:]
    best, normal = FAR, NOWHERE
    a = dx * dx + dz * dz
    b = px * dx + pz * dz
    for radius, sign in ((large, 1.0), (small, -1.0)):
        root = b * b - a * (px * px + pz * pz - radius * radius)
        if root >= 0.0 and a > 1e-12:
            for side in (-1.0, 1.0):
                t = (-b + side * math.sqrt(root)) / a
                x, y, z = travelled(origin, direction, t)
                beyond = x * x + y * y > _height(cup.outer, z)
                if NEAR < t < best and abs(y) <= half and x > 0.0 and beyond:
                    best, normal = t, times((px + t * dx, 0.0, pz + t * dz), sign)
    if abs(dy) > 1e-12:
        for side in (-1.0, 1.0):
            t = (side * half - oy) / dy
            x, y, z = travelled(origin, direction, t)
            square = (px + t * dx) ** 2 + (pz + t * dz) ** 2
            beyond = x * x + y * y > _height(cup.outer, z)
            if NEAR < t < best and small**2 <= square <= large**2 and x > 0.0 and beyond:
                best, normal = t, (0.0, side, 0.0)
    return best, normal


@njit(error_model="numpy")
def _hit_ball(origin: Vector, direction: Vector) -> tuple[float, float]:
    """Returns where a ray enters and leaves the unit ball."""
    a = dot(direction, direction)
    b = dot(origin, direction)
    root = b * b - a * (dot(origin, origin) - 1.0)
    if root < 0.0:
        return FAR, FAR
    return (-b - math.sqrt(root)) / a, (-b + math.sqrt(root)) / a


@njit(error_model="numpy")
def _hit_croissant(origin: Vector, direction: Vector) -> tuple[float, Vector]:
    """Meets the unit ball without a cylinder: at its outside, else where the cylinder ends."""
    enter, leave = _hit_ball(origin, direction)
    if enter == FAR or enter < NEAR:
        return FAR, NOWHERE
    radius, middle = HOLLOW
    x, y, z = travelled(origin, direction, enter)
    if x * x + (y - middle) ** 2 > radius * radius:
        return enter, (x, y, z)
    dx, dy, _ = direction
    a = dx * dx + dy * dy
    if a < 1e-12:
        return FAR, NOWHERE
    b = x * dx + (y - middle) * dy
    root = b * b - a * (x * x + (y - middle) ** 2 - radius * radius)
    t = enter + (-b + math.sqrt(root)) / a
    if t >= leave:
        return FAR, NOWHERE
    x, y, z = travelled(origin, direction, t)
    return t, (-x, middle - y, 0.0)


@njit(error_model="numpy")
def hit_everyday(shape: int, origin: Vector, direction: Vector) -> tuple[float, Vector, bool]:
    """Finds where a ray enters an everyday object.

    Args:
        shape: 6..9.
        origin: outside the object.
        direction: of any length.

    Returns:
        Distance and outward normal as of `shapes.hit_shape`, and whether the place is not painted.
    """
    if shape == BALL:
        t, _ = _hit_ball(origin, direction)
        if t == FAR or t < NEAR:
            return FAR, NOWHERE, False
        x, y, z = travelled(origin, direction, t)
        return t, (x, y, z), abs(z - SEAM[0] * x * y) < SEAM[1]
    if shape == CROISSANT:
        t, normal = _hit_croissant(origin, direction)
        return t, normal, False
    cup = CUPS[0] if shape == COFFEE_CUP else CUPS[1]
    best, normal, lined = _hit_walls(cup, origin, direction)
    t, n = _hit_handle(cup, origin, direction)
    if t < best:
        return t, n, False
    return best, normal, lined
