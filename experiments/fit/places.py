"""Fits cameras, angles and arm to where objects are in images, and to how large they are."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from experiments.fit.judge import judge, rendered
from experiments.fit.parameters import (
    Parameter,
    axis_parameters,
    camera_parameters,
    moved,
    room_parameters,
)
from experiments.fit.split import Shots
from submission.data.standin.look import Look
from submission.data.standin.scene import Scene, camera_vectors, poses
from submission.scoring.arrays import IntArray

__all__ = ["fit_places"]

FloatArray = npt.NDArray[np.float64]

NUM_ROUNDS = 4
RADIUS = 5.0
"""Pixels of an object's edge from its centre: what an error of its size counts as."""

OUTLIER = 1.0
"""Pixels from which a difference counts less."""

TIE = 0.5
"""Degrees by which the angles of a position differ from camera to camera."""

STILL = 0.2
"""Pixels by which floor, ring and walls may move in the image."""


def fit_places(look: Look, shots: Shots, report: Callable[[str], None]) -> Look:
    """Moves cameras, room, angles and arm until objects are where images have them.

    Other stages compare levels, and paint makes up for an object's edge that is out of place. Here
    centres and areas are compared, which no paint changes. An object's area tells its distance
    from the camera, and so how strong the perspective is.

    Args:
        look: the start.
        shots: of the half that fits.
        report: is told of each round.
    """
    parameters = _parameters()
    for number in range(NUM_ROUNDS):
        verdict = judge(look, shots, rendered(look, shots))
        known = ~np.isnan(verdict.areas)
        factors = shots.factors[known]
        true = _places(look.scene, factors)
        true[:, :2] -= verdict.offsets[known]
        true[:, 2] -= RADIUS * np.log(verdict.areas[known]) / 2
        distance = np.median(np.hypot(*verdict.offsets[known].T))
        size = np.median(np.abs(np.log(verdict.areas[known]))) / 2
        report(f"round {number + 1}: centres off by {distance:.2f} px, sizes by {100 * size:.1f} %")
        errors = partial(_errors, look, parameters, factors, true)
        steps = [parameter.step for parameter in parameters]
        found = least_squares(errors, np.zeros(len(parameters)), x_scale=steps)
        look = moved(look, parameters, found.x)
    return look


def _parameters() -> list[Parameter]:
    arm = [
        Parameter("scene", "shoulder", (0,), 0.01, 0.05),
        Parameter("scene", "rod", (0,), 0.01, 0.03),
    ]
    extents = [
        Parameter("scene", "extents", (shape, size, k), 0.005, 0.02)
        for shape, size, k in np.ndindex(6, 2, 2)
    ]
    return [*camera_parameters(), *room_parameters(), *axis_parameters(), *arm, *extents]


def _errors(
    look: Look,
    parameters: Sequence[Parameter],
    factors: IntArray,
    true: FloatArray,
    changes: FloatArray,
) -> FloatArray:
    scene = moved(look, parameters, changes).scene
    apart = (_places(scene, factors) - true) / OUTLIER
    apart *= (1 + (apart**2).sum(axis=1, keepdims=True)) ** -0.25  # absolute beyond an outlier
    still = (_landmarks(scene) - _landmarks(look.scene)) / STILL
    slack = changes / np.array([parameter.slack for parameter in parameters])
    tie = (scene.axes - scene.axes.mean(axis=0)) / TIE
    return np.concatenate([part.ravel() for part in (apart, still, slack, tie)])


def _places(scene: Scene, factors: IntArray) -> FloatArray:
    """Projects objects.

    Returns:
        (m, 3) pixels right and down of the image's middle, and the logarithm of the object's size
        in the image times `RADIUS`.
    """
    views = factors[:, 3]
    centres = poses(scene, views, factors[:, 5:], (40, 40))[:, 5]
    right, down, depth = _projected(scene, views, centres)
    extents = np.log(scene.extents[factors[:, 1], factors[:, 2]]).mean(axis=1)
    size = np.log(scene.cameras[views, 6] / depth) + extents
    return np.stack([right, down, RADIUS * size], axis=1)


def _landmarks(scene: Scene) -> FloatArray:
    """Projects points of the ring's edges and of the walls' foot for each camera."""
    turns = np.radians(np.arange(-60, 61, 15))
    circles = [
        radius * np.stack([np.sin(turns), np.cos(turns)], axis=1) for radius in scene.ring[:2]
    ]
    corners = np.radians(60.0 * np.arange(1, 3) + scene.walls[1])
    reach = scene.walls[0] / np.cos(np.pi / 6)
    foot = reach * np.stack([np.cos(corners), np.sin(corners)], axis=1)
    floor = np.concatenate([*circles, foot])
    points = np.column_stack([floor, np.zeros(len(floor))])
    views = np.repeat(np.arange(3), len(points))
    return np.stack(_projected(scene, views, np.tile(points, (3, 1)))[:2], axis=1)


def _projected(
    scene: Scene, views: IntArray, points: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns pixels right and down of the image's middle, and the depth."""
    place, right, down, ahead = np.moveaxis(camera_vectors(scene.cameras)[views], 1, 0)
    away = points - place
    focal = scene.cameras[views, 6]
    depth = (away * ahead).sum(axis=1)
    scale = focal**2 / depth
    return (away * right).sum(axis=1) * scale, (away * down).sum(axis=1) * scale, depth
