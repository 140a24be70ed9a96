"""Which part of an image arm and object can be in."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from submission.data.standin.raycast import Load
from submission.data.standin.scene import IMAGE_SIZE, Scene
from submission.data.standin.vectors import Vector, dot, minus, row

__all__ = ["frame_of"]

Frame = tuple[int, int, int, int]  # first row, row after the last, first column, column after
REACH = 0.35
"""Of column, shoulder and foot, from the axis that they turn about."""


@njit(error_model="numpy")
def _around(camera: npt.NDArray[np.float64], place: Vector, radius: float) -> Frame:
    """Frames a ball; the wider image of one beside the middle is allowed for."""
    right, down = row(camera, 1), row(camera, 2)
    way = minus(place, row(camera, 0))
    depth = dot(way, row(camera, 3))
    focal = 1.0 / math.sqrt(dot(right, right))
    j = focal * focal * dot(way, right) / depth + 0.5 * IMAGE_SIZE
    i = focal * focal * dot(way, down) / depth + 0.5 * IMAGE_SIZE
    reach = 1.3 * focal * radius / (depth - radius) + 1.0
    return int(i - reach), int(i + reach) + 1, int(j - reach), int(j + reach) + 1


@njit(error_model="numpy")
def _both(one: Frame, other: Frame) -> Frame:
    return (
        min(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        max(one[3], other[3]),
    )


@njit(error_model="numpy")
def frame_of(scene: Scene, camera: npt.NDArray[np.float64], load: Load) -> Frame:
    """Frames arm and object.

    Returns:
        First row, the row after the last one, first column and the column after the last one.
    """
    wide = math.sqrt(2.0 * load.radius * load.radius + load.half_height * load.half_height)
    frame = _around(camera, row(load.pose, 5), wide)
    frame = _both(frame, _around(camera, row(load.pose, 4), 0.2))
    top = max(scene.shoulder[0] + scene.shoulder[1], scene.column[4])
    frame = _both(frame, _around(camera, (0.0, 0.0, 0.0), REACH))
    frame = _both(frame, _around(camera, (0.0, 0.0, top), REACH))
    return max(frame[0], 0), min(frame[1], IMAGE_SIZE), max(frame[2], 0), min(frame[3], IMAGE_SIZE)
