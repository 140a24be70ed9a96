"""The terms whose weighted sums are the light that surfaces send to the cameras.

The cameras stand still, so that what each sees of a surface is a smooth function of the place on it
and of the direction that it faces; low powers of these describe it (spherical harmonics to the
second and third order: Ramamoorthi and Hanrahan, 2001).
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.data.standin.vectors import Vector

__all__ = [
    "FACING",
    "FIRST_KNOT",
    "NUM_ARM_TERMS",
    "NUM_BALL_TERMS",
    "NUM_KNOTS",
    "NUM_MIRROR_TERMS",
    "NUM_TERMS",
    "WIDE_STREAK",
    "Terms",
    "ball_terms",
    "floor_terms",
    "mirror_terms",
    "plate_terms",
    "ring_terms",
    "rod_marks",
    "solid_terms",
    "wall_terms",
]

NUM_TERMS, NUM_BALL_TERMS, NUM_ARM_TERMS = 12, 20, 36
"""Of a place on what stands still, of a direction from the object, and of a place on the arm."""
NUM_MIRROR_TERMS = 6
"""Of a place on the floor that reflects the column."""
WIDE_STREAK = 2.5
"""Half-width of the wide streak of a reflection, in half-widths of the column."""
FACING = np.array([1, 2, 3, 4, 5, 6, 9, 10])
"""Of `solid_terms`, those that depend on where a place faces."""
FIRST_KNOT = 0.4
"""Radius of the plate's first knot, as a share of the plate's radius."""
NUM_KNOTS = 8
"""Places between which light is interpolated: on the plate from FIRST_KNOT to its edge, on a face
of the arm from 0 to 1, on the rod along its beginning."""
Terms: TypeAlias = npt.NDArray[np.float64]


@njit(error_model="numpy")
def floor_terms(x: float, y: float, into: Terms) -> None:
    """Gives the cubic terms of a place on the floor, and the fourth powers."""
    x, y = x / 3.0, y / 3.0
    into[0], into[1], into[2] = 1.0, x, y
    into[3], into[4], into[5] = x * x, x * y, y * y
    into[6], into[7], into[8], into[9] = x * x * x, x * x * y, x * y * y, y * y * y
    into[10], into[11] = x * x * x * x, y * y * y * y


@njit(error_model="numpy")
def ring_terms(share: float, turn: float, into: Terms) -> None:
    """Gives the terms of a place on the ring: across it, -1 to 1, and from straight back."""
    into[0], into[1], into[2], into[3] = 1.0, turn, turn * turn, turn * turn * turn
    into[4] = turn * turn * turn * turn
    into[5], into[6], into[7] = share, share * turn, share * turn * turn
    into[8], into[9] = share * share, share * share * turn
    into[10], into[11] = share * share * share, share * share * share * share


@njit(error_model="numpy")
def wall_terms(u: float, z: float, into: Terms) -> None:
    """Gives the terms of a place on a wall: across it, -1 to 1, and its height."""
    into[0], into[1], into[2] = 1.0, u, z
    into[3], into[4], into[5] = u * u, u * z, z * z
    into[6], into[7], into[8] = u * u * z, u * z * z, z * z * z
    into[9], into[10] = u * u * u, u * u * u * u
    gap = (1.0 - abs(u)) / 0.06
    into[11] = np.exp(-gap * gap)


@njit(error_model="numpy")
def plate_terms(x: float, y: float, into: Terms) -> None:
    """Gives the 12 terms of a place on the plate, whose radius is 1.

    The first eight blend from one radius to the next, so that narrow rings can stand out. The arm
    hides most of what lies further in than the first.
    """
    r = np.sqrt(x * x + y * y)
    _blend((r - FIRST_KNOT) / (1.0 - FIRST_KNOT), 1.0, 0, into)
    into[8], into[9], into[10], into[11] = x, y, x * y, x * x - y * y


@njit(error_model="numpy")
def _blend(share: float, weight: float, first: int, into: Terms) -> None:
    """Blends from one of eight knots to the next between 0 and 1, as linear interpolation does."""
    place = min(max(share, 0.0), 1.0) * (NUM_KNOTS - 1)
    for k in range(NUM_KNOTS):
        into[first + k] = weight * max(0.0, 1.0 - abs(place - k))


@njit(error_model="numpy")
def solid_terms(normal: Vector, height: float, mark: tuple[float, float], into: Terms) -> int:
    """Gives the terms of a place on the arm's column, shoulder or foot.

    Args:
        normal: where it faces.
        height: above the floor.
        mark: where on a face that has marks: from 0 to 1 one way, below 0 elsewhere, and from -1
            to 1 the other way.
        into: 12 terms of normal and height, then eight for each of three strips of the face.

    Returns:
        How many terms there are: 36 on a face with marks, 12 elsewhere.
    """
    x, y, z = normal
    into[0], into[1], into[2], into[3] = 1.0, x, y, z
    into[4], into[5], into[6] = x * x, x * y, x * z
    into[7], into[8], into[9] = height, height * height, height * x
    into[10], into[11] = height * y, height * height * height
    if mark[0] < 0.0:
        return NUM_TERMS
    for strip in range(3):
        weight = max(0.0, 1.0 - abs(mark[1] - (strip - 1)))
        _blend(mark[0], weight, NUM_TERMS + strip * NUM_KNOTS, into)
    return NUM_ARM_TERMS


@njit(error_model="numpy")
def ball_terms(way: Vector, first: float, second: float, into: Terms) -> None:
    """Gives the terms of a direction to the third order, upward lobes, and two more numbers.

    Args:
        way: the direction.
        first: a number that is a term.
        second: another one.
        into: 20 terms or more, of which the first 20 are these.
    """
    x, y, z = way
    into[0], into[1], into[2], into[3] = 1.0, x, y, z
    into[4], into[5], into[6] = x * y, y * z, 3.0 * z * z - 1.0
    into[7], into[8] = x * z, x * x - y * y
    up = max(0.0, z)
    into[9] = up * up * up * up
    into[10], into[11] = first, second
    into[12], into[13] = x * y * z, z * (x * x - y * y)
    into[14], into[15] = x * (5.0 * z * z - 1.0), y * (5.0 * z * z - 1.0)
    into[16] = z * (5.0 * z * z - 3.0)
    into[17], into[18] = x * (x * x - 3.0 * y * y), y * (3.0 * x * x - y * y)
    into[19] = up


@njit(error_model="numpy")
def rod_marks(share: float, up: float, into: Terms) -> None:
    """Gives the marks along a rod's beginning, where brackets and bolts hold it.

    Args:
        share: how far from the rod's beginning to the end of the marks; more than 1 beyond.
        up: height of the direction to which the place reflects a ray, -1 to 1.
        into: 36 terms, of which the last 16 are eight marks, then the same times `up`.
    """
    _blend(share, 1.0, NUM_BALL_TERMS, into)
    _blend(share, up, NUM_BALL_TERMS + NUM_KNOTS, into)


@njit(error_model="numpy")
def mirror_terms(across: float, height: float, into: Terms) -> None:
    """Gives the terms of a place on the floor in which the column is reflected, blurred.

    Args:
        across: distance of the reflected ray from the vertical axis that the column turns about, in
            half-widths of the column.
        height: at which the ray passes the axis, as a share of the column's height.
        into: 6 terms: three powers of height in a narrow streak, then in a wide one.
    """
    narrow, wide = max(0.0, 1.0 - across), max(0.0, 1.0 - across / WIDE_STREAK)
    into[0], into[1], into[2] = narrow, narrow * height, narrow * height * height
    into[3], into[4], into[5] = wide, wide * height, wide * height * height
