"""Renders the scene up to its two colour factors, which a later multiply-add puts in."""

import functools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from submission.data.standin.framing import frame_of
from submission.data.standin.look import Look, Paint
from submission.data.standin.raycast import (
    CLAMP,
    COLUMN,
    FOOT,
    LINING,
    NOTHING,
    OBJECT,
    ROD,
    Load,
    first_hit,
    foot_centre,
)
from submission.data.standin.reflection import add_reflection, reflection
from submission.data.standin.scene import IMAGE_SIZE, Scene, camera_vectors
from submission.data.standin.shadows import Lamps, hidden
from submission.data.standin.terms import (
    NUM_ARM_TERMS,
    NUM_BALL_TERMS,
    NUM_MIRROR_TERMS,
    WIDE_STREAK,
    Terms,
    ball_terms,
    rod_marks,
    solid_terms,
)
from submission.data.standin.vectors import Vector, dot, minus, row, travelled, unit
from submission.factors import IntArray
from submission.kernels import kept_kernel

__all__ = [
    "BACKDROP_SHARE",
    "NUM_CHANNELS",
    "OBJECT_LIGHT",
    "OVERSAMPLING",
    "load_of",
    "part_terms",
    "pixel_ray",
    "shade_scenes",
    "shadow",
    "trace",
]

FloatArray = npt.NDArray[np.float64]

NUM_CHANNELS = 7
OBJECT_LIGHT, BACKDROP_SHARE = 3, 6  # first channels after those of everything else
OVERSAMPLING = 3
MARKED_LENGTH = 0.4
"""Length from its beginning on which the rod has marks."""


@njit(error_model="numpy")
def load_of(scene: Scene, shape: int, size: int, pose: FloatArray) -> Load:
    """Takes the object's measures from the scene."""
    turn = math.radians(scene.spins[shape, size])
    extent = scene.extents[shape, size]
    return Load(shape, extent[0], extent[1], pose, (math.cos(turn), math.sin(turn)))


@njit(error_model="numpy")
def pixel_ray(camera: FloatArray, row_place: float, column_place: float) -> Vector:
    """Returns the unit vector from a camera through a place in its image, in pixels."""
    u, v = column_place - 0.5 * IMAGE_SIZE, row_place - 0.5 * IMAGE_SIZE
    return unit(travelled(travelled(row(camera, 3), row(camera, 1), u), row(camera, 2), v))


@njit(error_model="numpy")
def _mark(
    scene: Scene, load: Load, part: int, point: Vector, normal: Vector
) -> tuple[float, float]:
    """Returns where on a face with marks a place is; the first number is below 0 on other faces.

    The column's face on the rod's side has marks by height and across it; the ends of shoulder and
    foot have marks by radius.
    """
    facing = dot(normal, row(load.pose, 1))
    if part == COLUMN:
        if facing > -0.9:
            return -1.0, 0.0
        along = dot(point, row(load.pose, 3)) - scene.column[2]
        return point[2] / scene.column[4], along / scene.column[0]
    if abs(facing) < 0.9:
        return -1.0, 0.0
    if part == FOOT:
        away, radius = minus(point, foot_centre(scene.foot, load)), scene.foot[0]
    else:
        away, radius = minus(point, (0.0, 0.0, scene.shoulder[0])), scene.shoulder[1]
    across = dot(away, row(load.pose, 1))
    return math.sqrt(max(0.0, dot(away, away) - across * across)) / radius, 0.0


@njit(error_model="numpy")
def part_terms(
    scene: Scene,
    part: int,
    load: Load,
    point: Vector,
    normal: Vector,
    direction: Vector,
    into: Terms,
) -> int:
    """Gives the terms of a place on the arm, or of what the object mirrors.

    Args:
        scene: its measures.
        part: that the place is on, as `raycast.py` numbers them.
        load: the arm.
        point: the place.
        normal: where it faces, a unit vector.
        direction: of the ray that meets it, a unit vector.
        into: room for 36 terms.

    Returns:
        How many terms there are: 12, 20 or 36.
    """
    if part in (OBJECT, LINING, ROD, CLAMP):
        mirrored = travelled(direction, normal, -2.0 * dot(direction, normal))
        away = minus(point, row(load.pose, 4))
        along = dot(away, row(load.pose, 2))
        ball_terms(mirrored, along, point[2], into)
        if part != ROD:
            return NUM_BALL_TERMS
        rod_marks((along - scene.rod[2]) / MARKED_LENGTH, mirrored[2], into)
        return NUM_ARM_TERMS
    return solid_terms(normal, point[2], _mark(scene, load, part, point, normal), into)


@njit(error_model="numpy")
def shadow(scene: Scene, lamps: Lamps, load: Load, origin: Vector, way: Vector) -> float:
    """Returns the share of the floor's light that a ray finds; 1 where it meets no floor."""
    if way[2] >= 0.0:
        return 1.0
    point = travelled(origin, way, -origin[2] / way[2])
    if point[0] * point[0] + point[1] * point[1] > scene.walls[0] * scene.walls[0]:
        return 1.0
    light = 1.0
    for k in range(len(lamps.strengths)):
        if lamps.strengths[k] != 0.0:
            part = hidden(scene, load, row(lamps.places, k), lamps.radii[k], point)
            light -= lamps.strengths[k] * part
    return light


@njit(error_model="numpy")
def _soften(image: npt.NDArray[np.float32], weight: float) -> None:
    """Blurs an image in place along rows and columns; the border repeats itself."""
    before = image.copy()
    last = image.shape[0] - 1
    middle = 1.0 - 2.0 * weight
    for i in range(last + 1):
        a, b = max(i - 1, 0), min(i + 1, last)
        for j in range(last + 1):
            for c in range(image.shape[2]):
                image[i, j, c] = middle * before[i, j, c] + weight * (
                    before[a, j, c] + before[b, j, c]
                )
    before[:] = image
    for i in range(last + 1):
        for j in range(last + 1):
            a, b = max(j - 1, 0), min(j + 1, last)
            for c in range(image.shape[2]):
                image[i, j, c] = middle * before[i, j, c] + weight * (
                    before[i, a, c] + before[i, b, c]
                )


@njit(error_model="numpy")
def trace(
    scene: Scene,
    paint: Paint,
    view: int,
    load: Load,
    met: tuple[Vector, Vector, tuple[float, int, Vector]],
    terms: Terms,
    total: FloatArray,
) -> None:
    """Adds what a ray brings from the arm or its object.

    Args:
        scene: its measures.
        paint: the surfaces.
        view: the camera.
        load: the arm.
        met: the ray's origin and direction, and what it met, as `first_hit` gives it.
        terms: room for 36 terms.
        total: (7,) to which is added.
    """
    origin, direction, (t, part, normal) = met
    point = travelled(origin, direction, t)
    num_terms = part_terms(scene, part, load, point, normal, direction, terms)
    weights = paint.arm[view, part] if part < OBJECT else paint.gloss[view]
    for k in range(num_terms):
        for c in range(3):
            total[c] += weights[k, c] * terms[k]
    if part >= OBJECT:
        ball_terms(normal, point[0], point[2], terms)
        for k in range(NUM_BALL_TERMS):
            for c in range(3):
                light = paint.light[view, k, c] * terms[k]
                if part == LINING:
                    total[c] += light * paint.colors[view, -1, c]
                else:
                    total[OBJECT_LIGHT + c] += light


@functools.cache
def _kernel() -> Callable[..., None]:
    """Compiles the loop over scenes, or loads what an earlier process compiled of these sources."""

    def shade(
        scene: Scene,
        lamps: Lamps,
        paint: Paint,
        cameras: FloatArray,
        geometry: IntArray,
        poses: FloatArray,
        out: npt.NDArray[np.float32],
    ) -> None:
        for n in prange(len(geometry)):
            view = geometry[n, 2]
            load = load_of(scene, geometry[n, 0], geometry[n, 1], poses[n])
            camera = cameras[view]
            origin = row(camera, 0)
            share = 1.0 / (OVERSAMPLING * OVERSAMPLING)
            terms, total = np.empty(NUM_ARM_TERMS), np.empty(NUM_CHANNELS)
            mirror = np.empty(NUM_MIRROR_TERMS)
            top, bottom, left, side = frame_of(scene, camera, load)
            reach = WIDE_STREAK * (scene.column[0] + scene.column[1])  # no reflection further out
            for i in range(IMAGE_SIZE):
                for j in range(IMAGE_SIZE):
                    total[:] = 0.0
                    missed = OVERSAMPLING * OVERSAMPLING
                    framed = top <= i < bottom and left <= j < side
                    for a in range(OVERSAMPLING if framed else 0):
                        for b in range(OVERSAMPLING):
                            way = pixel_ray(
                                camera, i + (a + 0.5) / OVERSAMPLING, j + (b + 0.5) / OVERSAMPLING
                            )
                            hit = first_hit(scene, load, origin, way)
                            if hit[1] != NOTHING:
                                missed -= 1
                                met = (origin, way, hit)
                                trace(scene, paint, view, load, met, terms, total)
                    if missed > 0:
                        way = pixel_ray(camera, i + 0.5, j + 0.5)
                        total[BACKDROP_SHARE] = missed * shadow(scene, lamps, load, origin, way)
                        flat = way[0] * way[0] + way[1] * way[1]
                        cross = origin[0] * way[1] - origin[1] * way[0]
                        if way[2] < 0.0 and cross * cross < reach * reach * flat:
                            reflection(scene, load, origin, way, mirror)
                            add_reflection(paint, view, mirror, missed, total)
                    for c in range(NUM_CHANNELS):
                        out[n, i, j, c] = total[c] * share
            if paint.blur[view] != 0.0:
                _soften(out[n], paint.blur[view])

    return kept_kernel(shade, Path(__file__).parent, parallel=True, error_model="numpy")


def shade_scenes(look: Look, geometry: IntArray, poses: FloatArray) -> npt.NDArray[np.float32]:
    """Renders what does not depend on the colour factors.

    Args:
        look: of the domain.
        geometry: (m, 3) values of the factors object shape, object size and camera height.
        poses: (m, 6, 3) as `scene.poses` gives them.

    Returns:
        (m, 64, 64, 7) red, green and blue levels of the arm and of what the object reflects,
        the light on the object in three channels, then the shaded coverage of the backdrop.
    """
    out = np.empty((len(geometry), IMAGE_SIZE, IMAGE_SIZE, NUM_CHANNELS), dtype=np.float32)
    cameras = camera_vectors(look.scene.cameras)
    _kernel()(look.scene, look.lamps, look.paint, cameras, look.numbered(geometry), poses, out)
    return out
