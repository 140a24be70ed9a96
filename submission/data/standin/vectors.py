"""Vectors as tuples of three numbers, for compiled code that must not allocate."""

from numba import njit

__all__ = ["Vector", "dot", "minus", "times", "travelled"]

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
def travelled(origin: Vector, direction: Vector, distance: float) -> Vector:
    """Goes a distance along a direction."""
    return (
        origin[0] + distance * direction[0],
        origin[1] + distance * direction[1],
        origin[2] + distance * direction[2],
    )
