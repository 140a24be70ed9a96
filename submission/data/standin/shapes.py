"""Where a ray meets the six shapes of the object.

A shape lies within [-1, 1]^3, its apex towards +z. Directions need not be unit vectors. The answer
is the distance in multiples of the direction, `FAR` for a miss, and an outward normal.
"""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.data.standin.vectors import Vector, dot, travelled

__all__ = ["FAR", "NEAR", "NOWHERE", "PLANES", "hit_shape"]

FAR = 1e9
NEAR = 1e-4
NOWHERE = (0.0, 0.0, 0.0)
CONE, CYLINDER, SPHERE = 0, 2, 5


def _planes() -> npt.NDArray[np.float64]:
    """Lists the faces of the flat-sided shapes within [-1, 1]^3, apex towards +z.

    Returns:
        (6, 8, 4) outward unit normal and distance per shape; unused rows lie out of reach.
    """
    planes = np.zeros((6, 8, 4))
    planes[..., 2:] = (1.0, 9.0)
    ends = [(0.0, 0.0, 1.0, 1.0), (0.0, 0.0, -1.0, 1.0)]
    sides = [(x, y, 0.0, 1.0) for x, y in ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))]
    turns = np.arange(6) * np.pi / 3
    hexagon = [(np.cos(t), np.sin(t), 0.0, np.sqrt(0.75)) for t in turns]
    slope = 1 / np.sqrt(5)
    roof = [(2 * slope * x, 2 * slope * y, slope, slope) for x, y, *_ in sides]
    for shape, faces in ((1, sides + ends), (3, hexagon + ends), (4, roof + ends[1:])):
        planes[shape, : len(faces)] = faces
    return planes


PLANES = _planes()


@njit(error_model="numpy")
def _hit_sphere(origin: Vector, direction: Vector) -> tuple[float, Vector]:
    a = dot(direction, direction)
    b = dot(origin, direction)
    root = b * b - a * (dot(origin, origin) - 1.0)
    if root < 0.0:
        return FAR, NOWHERE
    t = (-b - math.sqrt(root)) / a
    if t < NEAR:
        return FAR, NOWHERE
    return t, travelled(origin, direction, t)


@njit(error_model="numpy")
def _hit_round(taper: float, origin: Vector, direction: Vector) -> tuple[float, Vector]:
    """Meets a cylinder (taper 0) or a cone (taper 1): the radius is 1 - taper (1 + z) / 2."""
    ox, oy, oz = origin
    dx, dy, dz = direction
    best, normal = FAR, NOWHERE
    slope = 0.5 * taper
    radius = 1.0 - slope * (1.0 + oz)
    a = dx * dx + dy * dy - slope * slope * dz * dz
    b = ox * dx + oy * dy + slope * radius * dz
    root = b * b - a * (ox * ox + oy * oy - radius * radius)
    if root >= 0.0 and abs(a) > 1e-12:
        for sign in (-1.0, 1.0):
            t = (-b + sign * math.sqrt(root)) / a
            z = oz + t * dz
            if NEAR < t < best and -1.0 <= z <= 1.0:
                best = t
                normal = (ox + t * dx, oy + t * dy, slope * (1.0 - slope * (1.0 + z)))
    if abs(dz) > 1e-12:
        for z in (-1.0, 1.0):
            t = (z - oz) / dz
            x, y = ox + t * dx, oy + t * dy
            r = 1.0 - slope * (1.0 + z)
            if NEAR < t < best and x * x + y * y < r * r:
                best = t
                normal = (0.0, 0.0, z)
    return best, normal


@njit(error_model="numpy")
def _hit_flat(shape: int, origin: Vector, direction: Vector) -> tuple[float, Vector]:
    """Meets a flat-sided shape: behind the last plane entered, before the first one left."""
    enter, leave, face = -FAR, FAR, 0
    for k in range(PLANES.shape[1]):
        outward = (PLANES[shape, k, 0], PLANES[shape, k, 1], PLANES[shape, k, 2])
        speed = dot(outward, direction)
        gap = PLANES[shape, k, 3] - dot(outward, origin)
        if abs(speed) < 1e-12:
            if gap < 0.0:
                return FAR, NOWHERE
        elif speed < 0.0:
            if gap / speed > enter:
                enter, face = gap / speed, k
        elif gap / speed < leave:
            leave = gap / speed
    if enter > leave or enter < NEAR:
        return FAR, NOWHERE
    return enter, (PLANES[shape, face, 0], PLANES[shape, face, 1], PLANES[shape, face, 2])


@njit(error_model="numpy")
def hit_shape(shape: int, origin: Vector, direction: Vector) -> tuple[float, Vector]:
    """Finds where a ray enters a shape.

    Args:
        shape: 0..5, in the order of the factor.
        origin: outside the shape.
        direction: of any length.
    """
    if shape == SPHERE:
        return _hit_sphere(origin, direction)
    if shape == CONE:
        return _hit_round(1.0, origin, direction)
    if shape == CYLINDER:
        return _hit_round(0.0, origin, direction)
    return _hit_flat(shape, origin, direction)
