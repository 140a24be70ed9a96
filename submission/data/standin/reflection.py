"""The column's reflection in the floor."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.data.standin.look import Paint
from submission.data.standin.raycast import Load
from submission.data.standin.scene import Scene
from submission.data.standin.terms import NUM_MIRROR_TERMS, Terms, mirror_terms
from submission.data.standin.vectors import Vector, dot, row, travelled

__all__ = ["add_reflection", "reflection"]

FloatArray = npt.NDArray[np.float64]


@njit(error_model="numpy")
def reflection(scene: Scene, load: Load, origin: Vector, way: Vector, into: Terms) -> None:
    """Gives the terms of the column's reflection where a ray meets the floor.

    The reflection lies below the vertical axis that the column turns about; that the column's
    middle is beside it (`scene.column`) is left out.

    Args:
        scene: its measures.
        load: the arm.
        origin: of the ray.
        way: its unit vector.
        into: (6,) as `mirror_terms` gives them; 0 where the ray meets no floor within the walls, or
            its reflection passes below or above the column.
    """
    into[:] = 0.0
    ground = math.sqrt(way[0] * way[0] + way[1] * way[1])
    if way[2] >= 0.0 or ground == 0.0:
        return
    u, v, slope = way[0] / ground, way[1] / ground, -way[2] / ground
    x, y, _ = travelled(origin, way, -origin[2] / way[2])
    ahead = -(x * u + y * v)
    height = ahead * slope / scene.column[4]
    if not 0.0 < height < 1.0 or x * x + y * y > scene.walls[0] * scene.walls[0]:
        return
    side = (v, -u, 0.0)
    width = scene.column[0] * abs(dot(side, row(load.pose, 3)))
    width += scene.column[1] * abs(dot(side, row(load.pose, 1)))
    mirror_terms(abs(x * v - y * u) / width, height, into)


@njit(error_model="numpy")
def add_reflection(paint: Paint, view: int, mirror: Terms, missed: int, total: FloatArray) -> None:
    """Adds what the column's reflection changes of the floor.

    Args:
        paint: the surfaces.
        view: the camera.
        mirror: (6,) terms of `reflection`.
        missed: how many of a pixel's rays met neither arm nor object.
        total: (7,) channels, to the first three of which is added.
    """
    if mirror[3] > 0.0:
        for k in range(NUM_MIRROR_TERMS):
            for c in range(3):
                total[c] += missed * paint.mirror[view, k, c] * mirror[k]
