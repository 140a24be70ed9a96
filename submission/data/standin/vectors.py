"""Vectors as tuples of three numbers, for compiled code that must not allocate."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["Vector", "dot", "minus", "row", "times", "travelled", "unit"]

Vector = tuple[float, float, float]


@njit(error_model="numpy")
def dot(a: Vector, b: Vector) -> float:
    """Multiplies two vectors to a number."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(error_model="numpy")
def minus(a: Vector, b: Vector) -> Vector:
    """Subtracts b from a."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@njit(error_model="numpy")
def times(a: Vector, factor: float) -> Vector:
    """Scales a vector."""
    return a[0] * factor, a[1] * factor, a[2] * factor


@njit(error_model="numpy")
def unit(a: Vector) -> Vector:
    """Scales a vector to length one."""
    return times(a, 1.0 / math.sqrt(dot(a, a)))


@njit(error_model="numpy")
def travelled(origin: Vector, direction: Vector, distance: float) -> Vector:
    """Goes a distance along a direction."""
    return (
        origin[0] + distance * direction[0],
        origin[1] + distance * direction[1],
        origin[2] + distance * direction[2],
    )


@njit(error_model="numpy")
def row(rows: npt.NDArray[np.float64], number: int) -> Vector:
    """Takes a row of an (n, 3) array."""
    return rows[number, 0], rows[number, 1], rows[number, 2]
