"""What each pixel of arm and object shows: the terms that paint and colour weight."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numba import prange

from submission.data import standin
from submission.data.standin.look import Look, Paint
from submission.data.standin.raycast import NOTHING, OBJECT, first_hit
from submission.data.standin.reflection import add_reflection, reflection
from submission.data.standin.scene import IMAGE_SIZE, Scene, camera_vectors, poses
from submission.data.standin.shade import (
    BACKDROP_SHARE,
    NUM_CHANNELS,
    OVERSAMPLING,
    load_of,
    part_terms,
    pixel_ray,
    shadow,
    trace,
)
from submission.data.standin.shadows import Lamps
from submission.data.standin.terms import (
    NUM_ARM_TERMS,
    NUM_BALL_TERMS,
    NUM_MIRROR_TERMS,
    ball_terms,
)
from submission.data.standin.vectors import row, travelled
from submission.kernels import kept_kernel
from submission.scoring.arrays import IntArray

__all__ = [
    "ARM",
    "COVER",
    "GLOSS",
    "LIGHT",
    "MIRROR",
    "Pixels",
    "channels_of",
    "chosen_pixels",
    "covered",
    "design_of",
]

FloatArray = npt.NDArray[np.float64]

ARM = slice(0, OBJECT * NUM_ARM_TERMS)
GLOSS = slice(ARM.stop, ARM.stop + NUM_BALL_TERMS)
LIGHT = slice(GLOSS.stop, GLOSS.stop + NUM_BALL_TERMS)
MIRROR = slice(LIGHT.stop, LIGHT.stop + NUM_MIRROR_TERMS)
LIGHT_START, MIRROR_START = LIGHT.start, MIRROR.start  # numbers, for compiled code
COVER = MIRROR.stop
"""Columns of a design."""

SOURCES = Path(__file__).parent, Path(standin.__file__).parent


@dataclass(frozen=True, eq=False)
class Pixels:
    """Pixels of several images.

    Attributes:
        image: (p,) number of the image of each, ascending.
        place: (p, 2) row and column.
        around: (p, 9) numbers of the pixels of its neighbourhood, row by row; a pixel stands for a
            neighbour that is not chosen.
    """

    image: IntArray
    place: IntArray
    around: IntArray


def chosen_pixels(mask: npt.NDArray[np.bool_]) -> Pixels:
    """Lists the pixels that an (n, 64, 64) mask chooses."""
    image, rows, columns = np.nonzero(mask)
    number = np.full(mask.shape, -1)
    number[image, rows, columns] = np.arange(len(image))
    last = IMAGE_SIZE - 1
    around = np.stack(
        [
            number[image, np.clip(rows + a, 0, last), np.clip(columns + b, 0, last)]
            for a in (-1, 0, 1)
            for b in (-1, 0, 1)
        ],
        axis=1,
    )
    around = np.where(around < 0, np.arange(len(image))[:, None], around)
    return Pixels(image, np.stack([rows, columns], axis=1), around)


@functools.cache
def _accumulation() -> Callable[..., None]:
    def accumulate(
        scene: Scene,
        lamps: Lamps,
        cameras: FloatArray,
        geometry: IntArray,
        poses: FloatArray,
        image: IntArray,
        place: IntArray,
        out: npt.NDArray[np.float32],
    ) -> None:
        for p in prange(len(image)):
            n = image[p]
            load = load_of(scene, geometry[n, 0], geometry[n, 1], poses[n])
            camera = cameras[geometry[n, 2]]
            origin = row(camera, 0)
            terms = np.empty(NUM_ARM_TERMS)
            i, j = place[p, 0], place[p, 1]
            missed = 0
            for a in range(OVERSAMPLING):
                for b in range(OVERSAMPLING):
                    way = pixel_ray(
                        camera, i + (a + 0.5) / OVERSAMPLING, j + (b + 0.5) / OVERSAMPLING
                    )
                    t, part, normal = first_hit(scene, load, origin, way)
                    if part == NOTHING:
                        missed += 1
                        continue
                    point = travelled(origin, way, t)
                    num_terms = part_terms(scene, part, load, point, normal, way, terms)
                    part = min(part, OBJECT)  # a lining counts as the object
                    for k in range(num_terms):
                        out[p, part * NUM_ARM_TERMS + k] += terms[k]
                    if part == OBJECT:
                        ball_terms(normal, point[0], point[2], terms)
                        for k in range(NUM_BALL_TERMS):
                            out[p, LIGHT_START + k] += terms[k]
            if missed > 0:
                way = pixel_ray(camera, i + 0.5, j + 0.5)
                out[p, COVER] = missed * shadow(scene, lamps, load, origin, way)
                reflection(scene, load, origin, way, terms[:NUM_MIRROR_TERMS])
                for k in range(NUM_MIRROR_TERMS):
                    out[p, MIRROR_START + k] = missed * terms[k]
            for k in range(COVER + 1):
                out[p, k] /= OVERSAMPLING * OVERSAMPLING

    return kept_kernel(accumulate, *SOURCES, parallel=True, error_model="numpy")


@functools.cache
def _painting() -> Callable[..., None]:
    def paint_pixels(
        scene: Scene,
        lamps: Lamps,
        paint: Paint,
        cameras: FloatArray,
        geometry: IntArray,
        poses: FloatArray,
        spots: tuple[IntArray, IntArray],
        out: npt.NDArray[np.float32],
    ) -> None:
        image, place = spots
        for p in prange(len(image)):
            n = image[p]
            view = geometry[n, 2]
            load = load_of(scene, geometry[n, 0], geometry[n, 1], poses[n])
            camera = cameras[view]
            origin = row(camera, 0)
            terms, total = np.empty(NUM_ARM_TERMS), np.zeros(out.shape[1])
            i, j = place[p, 0], place[p, 1]
            missed = 0
            for a in range(OVERSAMPLING):
                for b in range(OVERSAMPLING):
                    u, v = i + (a + 0.5) / OVERSAMPLING, j + (b + 0.5) / OVERSAMPLING
                    way = pixel_ray(camera, u, v)
                    hit = first_hit(scene, load, origin, way)
                    if hit[1] == NOTHING:
                        missed += 1
                    else:
                        trace(scene, paint, view, load, (origin, way, hit), terms, total)
            if missed > 0:
                way = pixel_ray(camera, i + 0.5, j + 0.5)
                total[BACKDROP_SHARE] = missed * shadow(scene, lamps, load, origin, way)
                mirror = terms[:NUM_MIRROR_TERMS]
                reflection(scene, load, origin, way, mirror)
                add_reflection(paint, view, mirror, missed, total)
            for k in range(out.shape[1]):
                out[p, k] = total[k] / (OVERSAMPLING * OVERSAMPLING)

    return kept_kernel(paint_pixels, *SOURCES, parallel=True, error_model="numpy")


def channels_of(look: Look, factors: IntArray, pixels: Pixels) -> npt.NDArray[np.float32]:
    """Renders pixels with their paint.

    Args:
        look: of the images.
        factors: (n, 7) values of the images, all of one camera.
        pixels: of these images.

    Returns:
        (p, 7) channels as `shade_scenes` gives them.
    """
    out = np.empty((len(pixels.image), NUM_CHANNELS), dtype=np.float32)
    _painting()(
        look.scene,
        look.lamps,
        look.paint,
        camera_vectors(look.scene.cameras),
        look.numbered(factors[:, 1:4]),
        poses(look.scene, factors[:, 3], factors[:, 5:], (40, 40)),
        (pixels.image, pixels.place),
        out,
    )
    weight = float(look.paint.blur[factors[0, 3]])
    return _softened(out, pixels, weight)


@functools.cache
def _softening() -> Callable[..., None]:
    def soften(
        sharp: npt.NDArray[np.float32],
        around: IntArray,
        weight: float,
        out: npt.NDArray[np.float32],
    ) -> None:
        side = (weight, 1.0 - 2.0 * weight, weight)
        for p in prange(len(out)):
            for k in range(9):
                share = side[k // 3] * side[k % 3]
                for c in range(out.shape[1]):
                    out[p, c] += share * sharp[around[p, k], c]

    return kept_kernel(soften, *SOURCES, parallel=True, error_model="numpy")


def _softened(
    sharp: npt.NDArray[np.float32], pixels: Pixels, weight: float
) -> npt.NDArray[np.float32]:
    if not weight:
        return sharp
    out = np.zeros_like(sharp)
    _softening()(sharp, pixels.around, weight, out)
    return out


def design_of(look: Look, factors: IntArray, pixels: Pixels) -> npt.NDArray[np.float32]:
    """Renders pixels up to the paint.

    Args:
        look: whose scene, lamps and blur count.
        factors: (n, 7) values of the images, all of one camera.
        pixels: of these images.

    Returns:
        (p, 227) terms: of the five parts of the arm, of the object's gloss, of the light on it, of
        the column's reflection, and the share of the backdrop.
    """
    out = np.zeros((len(pixels.image), COVER + 1), dtype=np.float32)
    frames = poses(look.scene, factors[:, 3], factors[:, 5:], (40, 40))
    _accumulation()(
        look.scene,
        look.lamps,
        camera_vectors(look.scene.cameras),
        look.numbered(factors[:, 1:4]),
        frames,
        pixels.image,
        pixels.place,
        out,
    )
    weight = float(look.paint.blur[factors[0, 3]])
    return _softened(out, pixels, weight)


def covered(design: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns the share of each pixel of a design that arm and object cover."""
    share: npt.NDArray[np.float32] = design[:, : GLOSS.start + 1 : NUM_ARM_TERMS].sum(axis=1)
    return share
