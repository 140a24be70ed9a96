"""The terms whose weighted sums are the light that surfaces send to the cameras.

The cameras stand still, so that what each sees of a surface is a smooth function of the place on it
and of the direction that it faces; low powers of these describe it (spherical harmonics to the
second order: Ramamoorthi and Hanrahan, 2001).
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.data.standin.vectors import Vector

__all__ = [
    "NUM_BALL_TERMS",
    "NUM_TERMS",
    "Terms",
    "ball_terms",
    "floor_terms",
    "plate_terms",
    "ring_terms",
    "solid_terms",
    "wall_terms",
]

NUM_TERMS, NUM_BALL_TERMS = 12, 20
"""Of a place on a surface, and of a direction from the object."""
NUM_RADII = 8
"""Of the plate, from its middle to its edge, between which its light is interpolated."""
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
    """Gives the terms of a place on the plate, whose radius is 1.

    The first eight blend from one radius to the next, as linear interpolation does, so that narrow
    rings can stand out.
    """
    last = NUM_RADII - 1
    r = min(np.sqrt(x * x + y * y), 1.0) * last
    for k in range(NUM_RADII):
        into[k] = max(0.0, 1.0 - abs(r - k))
    into[8], into[9], into[10], into[11] = x, y, x * y, x * x - y * y


@njit(error_model="numpy")
def solid_terms(normal: Vector, height: float, into: Terms) -> None:
    """Gives the terms of a place on a block of the arm: where it faces, and its height."""
    x, y, z = normal
    into[0], into[1], into[2], into[3] = 1.0, x, y, z
    into[4], into[5], into[6] = x * x, x * y, x * z
    into[7], into[8], into[9] = height, height * height, height * x
    into[10], into[11] = height * y, height * height * height


@njit(error_model="numpy")
def ball_terms(way: Vector, first: float, second: float, into: Terms) -> None:
    """Gives the terms of a direction to the third order, upward lobes, and two more numbers.

    The first 12 go to the second order.
    """
    x, y, z = way
    into[0], into[1], into[2], into[3] = 1.0, x, y, z
    into[4], into[5], into[6] = x * y, y * z, 3.0 * z * z - 1.0
    into[7], into[8] = x * z, x * x - y * y
    up = max(0.0, z)
    into[9] = up * up * up * up
    into[10], into[11] = first, second
    if len(into) > NUM_TERMS:
        into[12], into[13] = x * y * z, z * (x * x - y * y)
        into[14], into[15] = x * (5.0 * z * z - 1.0), y * (5.0 * z * z - 1.0)
        into[16] = z * (5.0 * z * z - 3.0)
        into[17], into[18] = x * (x * x - 3.0 * y * y), y * (3.0 * x * x - y * y)
        into[19] = up
