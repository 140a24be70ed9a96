"""What stands still: floor, ring, walls and plate, as each camera sees them."""

import functools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.standin.look import Look
from submission.data.standin.scene import IMAGE_SIZE, Scene, camera_vectors
from submission.data.standin.terms import (
    NUM_TERMS,
    floor_terms,
    plate_terms,
    ring_terms,
    wall_terms,
)
from submission.data.standin.vectors import row, travelled, unit
from submission.kernels import kept_kernel

__all__ = ["NUM_REGIONS", "PLATE", "RING", "backdrop_of", "backdrop_terms", "backdrops", "softened"]

FloatArray = npt.NDArray[np.float64]

FLOOR, OUTSIDE, BACK, LEFT, RIGHT, PLATE, RING, LEFT_RING, RIGHT_RING = range(9)
NUM_REGIONS = 5
"""Regions whose look does not depend on the ring's colour; they come first."""

OVERSAMPLING = 4


@functools.cache
def _kernel() -> Callable[..., None]:
    """Compiles the sum over rays, or loads what an earlier process compiled of these sources."""

    def accumulate(scene: Scene, camera: FloatArray, out: FloatArray) -> None:
        origin = row(camera, 0)
        right, down, ahead = row(camera, 1), row(camera, 2), row(camera, 3)
        apothem = scene.walls[0]
        middle = 0.5 * (scene.ring[0] + scene.ring[1])
        half = 0.5 * (scene.ring[1] - scene.ring[0])
        terms = np.empty(NUM_TERMS)
        share = 1.0 / (OVERSAMPLING * OVERSAMPLING)
        fine = IMAGE_SIZE * OVERSAMPLING
        for i in range(fine):
            for j in range(fine):
                u = (j + 0.5) / OVERSAMPLING - 0.5 * IMAGE_SIZE
                v = (i + 0.5) / OVERSAMPLING - 0.5 * IMAGE_SIZE
                way = unit(travelled(travelled(ahead, right, u), down, v))
                best = -origin[2] / way[2] if way[2] < 0.0 else 1e9
                wall, across = -1, 0.0
                for k in range(6):
                    angle = (k + 0.5) * math.pi / 3.0 + math.radians(scene.walls[1])
                    x, y = math.cos(angle), math.sin(angle)
                    speed = x * way[0] + y * way[1]
                    if speed > 1e-9:
                        t = (apothem - x * origin[0] - y * origin[1]) / speed
                        if 0.0 < t < best:
                            best, wall = t, k
                            across = (origin[1] + t * way[1]) * x - (origin[0] + t * way[0]) * y
                x, y, z = travelled(origin, way, best)
                r = math.sqrt(x * x + y * y)
                a, b = (x - scene.plate[1]) / scene.plate[0], (y - scene.plate[2]) / scene.plate[0]
                if wall >= 0:
                    region = BACK if wall == 1 else (LEFT if wall in (2, 3) else RIGHT)
                    wall_terms(across / (apothem / math.sqrt(3.0)), z, terms)
                elif a * a + b * b < 1.0:
                    region = PLATE
                    plate_terms(a, b, terms)
                elif r < scene.ring[0]:
                    region = FLOOR
                    floor_terms(x, y, terms)
                elif r > scene.ring[1]:
                    region = OUTSIDE
                    floor_terms(x, y, terms)
                else:
                    turn = math.atan2(x, y)
                    region = RING
                    if turn < -math.radians(scene.ring[2]):
                        region = LEFT_RING
                    elif turn > math.radians(scene.ring[3]):
                        region = RIGHT_RING
                    ring_terms((r - middle) / half, turn, terms)
                for k in range(NUM_TERMS):
                    out[i // OVERSAMPLING, j // OVERSAMPLING, region, k] += share * terms[k]

    return kept_kernel(accumulate, Path(__file__).parent, error_model="numpy")


def backdrop_terms(scene: Scene, view: int) -> FloatArray:
    """Sums the terms of everything that stands still.

    Args:
        scene: its measures.
        view: the camera.

    Returns:
        (64, 64, 9, 12) terms by region. First are the five that `NUM_REGIONS` counts and the plate.
        Then comes the ring: in its own colour, in the one to its left, in the one to its right.
    """
    out = np.zeros((IMAGE_SIZE, IMAGE_SIZE, RIGHT_RING + 1, NUM_TERMS))
    _kernel()(scene, camera_vectors(scene.cameras)[view], out)
    return out


def softened(images: FloatArray, weight: float) -> FloatArray:
    """Blurs (64, 64, ...) images along rows and columns; the border repeats itself."""
    for axis in (0, 1):
        edges = [(1, 1) if k == axis else (0, 0) for k in range(images.ndim)]
        wide = np.moveaxis(np.pad(images, edges, mode="edge"), axis, 0)
        mixed = (1 - 2 * weight) * wide[1:-1] + weight * (wide[:-2] + wide[2:])
        images = np.moveaxis(mixed, 0, axis)
    return images


_KEPT: dict[int, tuple[Look, npt.NDArray[np.float32]]] = {}


def backdrop_of(look: Look, view: int) -> FloatArray:
    """Renders what stands still as one camera sees it.

    Returns:
        (3, 64, 64, 3) levels by the ring's colour.
    """
    paint = look.paint
    terms = softened(backdrop_terms(look.scene, view), float(paint.blur[view]))
    ground = np.tensordot(terms[:, :, :NUM_REGIONS], paint.ground[view], 2)
    out = np.tile(ground, (3, 1, 1, 1))
    for ring in range(3):
        out[ring] += terms[:, :, PLATE] @ paint.plate[view, ring]
        for part in range(3):
            out[ring] += terms[:, :, RING + part] @ paint.ring[view, (ring + part) % 3]
    return out


def backdrops(look: Look) -> npt.NDArray[np.float32]:
    """Renders what stands still, or takes it from the last call.

    Returns:
        (3, 3, 64, 64, 3) levels by camera and ring's colour.
    """
    kept = _KEPT.get(look.number)
    if kept is None or kept[0] is not look:
        images = np.stack([backdrop_of(look, view) for view in range(3)]).astype(np.float32)
        kept = _KEPT[look.number] = look, images
    return kept[1]
