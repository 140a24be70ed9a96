"""Renders the scene up to its two colour factors, which a later multiply-add puts in."""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from submission.data.standin.domains import Domain, Light, Surfaces
from submission.data.standin.noise import hashed, uniform
from submission.data.standin.raycast import (
    BASE_PLATE,
    FLOOR,
    OBJECT,
    RING_BAND,
    WALL,
    Load,
    first_hit,
    occluded,
)
from submission.data.standin.scene import CAMERAS, HALF_EXTENTS, IMAGE_SIZE
from submission.data.standin.vectors import Vector, dot, minus, times, travelled
from submission.kernels import kept_kernel, sources_digest

__all__ = ["OBJECT_SHARE", "RING_SHARE", "shade_scenes"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Ray = tuple[np.uint64, int, int]  # hash of the pixel, row and column within it


class Scenes(NamedTuple):
    """What is rendered: m scenes without their colour factors.

    Attributes:
        shapes: (m,) object shapes.
        extents: (m,) half-extents of the object.
        views: (m,) camera heights.
        poses: (m, 5, 3) as `scene.poses` gives them.
    """

    shapes: IntArray
    extents: FloatArray
    views: IntArray
    poses: FloatArray


OBJECT_SHARE, RING_SHARE = 3, 4  # channels after the red, green and blue of everything else
OVERSAMPLING = 2
STRATA = 2  # per ray and side of a lamp
GRAINS = 40.0  # per unit of floor
BLACK = (0.0, 0.0, 0.0)


@njit(error_model="numpy")
def _seen_share(place: FloatArray, light: Light, ray: Ray, load: Load, point: Vector) -> float:
    """Returns the share of a lamp that a point sees.

    The rays of a pixel together sample every cell of a square grid on the lamp once, each at a
    place that differs from pixel to pixel.
    """
    pixel, i, j = ray
    cells = OVERSAMPLING * STRATA
    blocked = 0
    for a in range(STRATA):
        for b in range(STRATA):
            row, column = a * OVERSAMPLING + i, b * OVERSAMPLING + j
            counter = 2 * (row * cells + column)
            u = (row + 0.5 + 0.5 * uniform(pixel, counter)) / cells - 0.5
            v = (column + 0.5 + 0.5 * uniform(pixel, counter + 1)) / cells - 0.5
            bulb = (place[0] + u * light.width, place[1] + v * light.width, place[2])
            way = minus(bulb, point)
            if occluded(load, point, times(way, 1.0 / math.sqrt(dot(way, way)))):
                blocked += 1
    return 1.0 - light.shadow * blocked / (STRATA * STRATA)


@njit(error_model="numpy")
def _gleam(normal: Vector, to_lamp: Vector, direction: Vector) -> float:
    """Returns a lamp's reflection: the half vector's cosine (Blinn, 1977) to the power 32."""
    half = minus(to_lamp, direction)
    c = max(0.0, dot(normal, half) / math.sqrt(dot(half, half)))
    for _ in range(5):
        c *= c
    return c


@njit(error_model="numpy")
def _lamp(
    place: FloatArray,
    light: Light,
    ray: Ray,
    load: Load,
    point: Vector,
    normal: Vector,
    direction: Vector,
) -> tuple[float, float]:
    """Returns what a lamp of strength 1 adds to diffuse and to mirrored light."""
    centre = (place[0], place[1], place[2])
    way = minus(centre, point)
    near = dot(way, way)
    to_lamp = times(way, 1.0 / math.sqrt(near))
    facing = dot(normal, to_lamp)
    if facing <= 0.0:
        return 0.0, 0.0
    far = dot(centre, centre)
    diffuse = facing * far * math.sqrt(far) / (near * place[2])
    seen = 1.0
    if light.shadow > 0.0:
        seen = _seen_share(place, light, ray, load, travelled(point, normal, 0.003))
    return seen * diffuse, seen * _gleam(normal, to_lamp, direction)


@njit(error_model="numpy")
def _trace(
    surfaces: Surfaces,
    light: Light,
    ray: Ray,
    load: Load,
    origin: Vector,
    direction: Vector,
) -> tuple[Vector, float, float]:
    """Returns the level without what has a colour factor, the object's share and the ring's."""
    t, material, normal = first_hit(surfaces.walls, load, origin, direction)
    if material < 0:
        return BLACK, 0.0, 0.0
    point = travelled(origin, direction, t)
    shade, gleam = 1.0, 0.0
    if not (light.flat and material <= RING_BAND):
        key = _lamp(light.key_place, light, ray, load, point, normal, direction)
        fill = _lamp(light.fill_place, light, ray, load, point, normal, direction)
        sky = 0.8 + 0.2 * normal[2]
        shade = light.ambient * sky + light.key * key[0] + light.fill * fill[0]
        gleam = 0.6 * key[1] + 0.4 * fill[1]
    if material == RING_BAND:
        return BLACK, 0.0, shade
    if material == OBJECT:
        return times((1.0, 1.0, 1.0), surfaces.object_gloss * gleam), shade, 0.0
    floor = (surfaces.floor[0], surfaces.floor[1], surfaces.floor[2])
    if material == FLOOR:
        shade *= 1.0 + surfaces.imbalance * point[0]
        if surfaces.speckle > 0.0:
            row, column = int(point[0] * GRAINS + 4096.0), int(point[1] * GRAINS + 4096.0)
            shade *= 1.0 + surfaces.speckle * uniform(hashed(np.uint64(row), column), 0)
        return times(floor, shade), 0.0, 0.0
    if material == WALL:
        return times((surfaces.wall[0], surfaces.wall[1], surfaces.wall[2]), shade), 0.0, 0.0
    up = direction[2] - 2.0 * dot(normal, direction) * normal[2]
    mirror = surfaces.mirror if material == BASE_PLATE else 0.2 * surfaces.mirror
    around = mirror * (max(0.0, -up) + 2.0 * max(0.0, up) ** 3)
    gloss = surfaces.arm_gloss * gleam
    level = (
        surfaces.arm[0] * shade + gloss + around * floor[0],
        surfaces.arm[1] * shade + gloss + around * floor[1],
        surfaces.arm[2] * shade + gloss + around * floor[2],
    )
    return level, 0.0, 0.0


@njit(error_model="numpy")
def _soften(image: npt.NDArray[np.float32], weight: float) -> None:
    """Blurs an image in place along rows and columns; the border repeats itself."""
    before = image.copy()
    last = image.shape[0] - 1
    side = (weight, 1.0 - 2.0 * weight, weight)
    for i in range(last + 1):
        for j in range(last + 1):
            for c in range(image.shape[2]):
                total = 0.0
                for a in range(3):
                    for b in range(3):
                        row = min(max(i + a - 1, 0), last)
                        column = min(max(j + b - 1, 0), last)
                        total += side[a] * side[b] * before[row, column, c]
                image[i, j, c] = total


@functools.cache
def _kernel() -> Callable[..., None]:
    """Compiles the loop over scenes, or loads what an earlier process compiled of these sources."""
    version = sources_digest(Path(__file__).parent)

    def shade(
        surfaces: Surfaces,
        light: Light,
        blur: float,
        scenes: Scenes,
        out: npt.NDArray[np.float32],
    ) -> None:
        assert version >= 0  # the closure over the sources' digest is what renews the cache
        for n in prange(len(scenes.shapes)):
            load = Load(scenes.shapes[n], scenes.extents[n], scenes.poses[n])
            camera = CAMERAS[scenes.views[n]]
            origin = (camera[0, 0], camera[0, 1], camera[0, 2])
            share = 1.0 / (OVERSAMPLING * OVERSAMPLING)
            for i in range(IMAGE_SIZE):
                for j in range(IMAGE_SIZE):
                    pixel = hashed(np.uint64(0), i * IMAGE_SIZE + j)
                    red, green, blue, on_object, on_ring = 0.0, 0.0, 0.0, 0.0, 0.0
                    for a in range(OVERSAMPLING):
                        for b in range(OVERSAMPLING):
                            u = j + (b + 0.5) / OVERSAMPLING - 0.5 * IMAGE_SIZE
                            v = i + (a + 0.5) / OVERSAMPLING - 0.5 * IMAGE_SIZE
                            way = (
                                camera[3, 0] + u * camera[1, 0] + v * camera[2, 0],
                                camera[3, 1] + u * camera[1, 1] + v * camera[2, 1],
                                camera[3, 2] + u * camera[1, 2] + v * camera[2, 2],
                            )
                            direction = times(way, 1.0 / math.sqrt(dot(way, way)))
                            level, o, r = _trace(
                                surfaces, light, (pixel, a, b), load, origin, direction
                            )
                            red += level[0]
                            green += level[1]
                            blue += level[2]
                            on_object += o
                            on_ring += r
                    out[n, i, j, 0] = red * share
                    out[n, i, j, 1] = green * share
                    out[n, i, j, 2] = blue * share
                    out[n, i, j, OBJECT_SHARE] = on_object * share
                    out[n, i, j, RING_SHARE] = on_ring * share
            if blur > 0.0:
                _soften(out[n], blur)

    return kept_kernel(shade, parallel=True, error_model="numpy")


def shade_scenes(
    domain: Domain, shapes: IntArray, sizes: IntArray, views: IntArray, poses: FloatArray
) -> npt.NDArray[np.float32]:
    """Renders what does not depend on the colour factors.

    Args:
        domain: the look.
        shapes: (m,) object shapes.
        sizes: (m,) object sizes.
        views: (m,) camera heights.
        poses: (m, 5, 3) as `scene.poses` gives them.

    Returns:
        (m, 64, 64, 5) red, green and blue levels of everything without a colour factor, the lamps'
        reflections included, then the shaded coverage of the object and of the ring.
    """
    out = np.empty((len(shapes), IMAGE_SIZE, IMAGE_SIZE, 5), dtype=np.float32)
    scenes = Scenes(shapes, HALF_EXTENTS[shapes, sizes], views, poses)
    _kernel()(domain.surfaces, domain.light, domain.camera.blur, scenes, out)
    return out
