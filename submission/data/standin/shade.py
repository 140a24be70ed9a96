"""Renders the scene up to its two colour factors, which a later multiply-add puts in."""

import functools
import math
from collections.abc import Callable
from pathlib import Path

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
from submission.data.standin.vectors import Vector, dot, minus, row, times, travelled, unit
from submission.factors import IntArray
from submission.kernels import kept_kernel, sources_digest

__all__ = ["OBJECT_SHARE", "RING_SHARE", "shade_scenes"]

FloatArray = npt.NDArray[np.float64]
Channels = tuple[float, float, float, float, float]  # the channels of what is rendered
Ray = tuple[np.uint64, int, int]  # hash of the pixel, row and column within it


OBJECT_SHARE, RING_SHARE = 3, 4  # channels after the red, green and blue of everything else
OVERSAMPLING = 2
STRATA = 2  # per ray and side of a lamp
GRAINS = 40.0  # per unit of floor
NOTHING = (0.0, 0.0, 0.0, 0.0, 0.0)


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
            if occluded(load, point, unit(way)):
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
def _plain(color: FloatArray, shade: float) -> Channels:
    return color[0] * shade, color[1] * shade, color[2] * shade, 0.0, 0.0


@njit(error_model="numpy")
def _trace(
    surfaces: Surfaces,
    light: Light,
    ray: Ray,
    load: Load,
    origin: Vector,
    direction: Vector,
) -> Channels:
    """Returns the level without what has a colour factor, the object's share and the ring's."""
    t, material, normal = first_hit(surfaces.walls, load, origin, direction)
    if material < 0:
        return NOTHING
    point = travelled(origin, direction, t)
    shade, gleam = 1.0, 0.0
    if not (light.flat and material <= RING_BAND):
        key = _lamp(light.key_place, light, ray, load, point, normal, direction)
        fill = _lamp(light.fill_place, light, ray, load, point, normal, direction)
        sky = 0.8 + 0.2 * normal[2]
        shade = light.ambient * sky + light.key * key[0] + light.fill * fill[0]
        gleam = 0.6 * key[1] + 0.4 * fill[1]
    if material == RING_BAND:
        return 0.0, 0.0, 0.0, 0.0, shade
    if material == OBJECT:
        gloss = surfaces.object_gloss * gleam
        return gloss, gloss, gloss, shade, 0.0
    if material == FLOOR:
        shade *= 1.0 + surfaces.imbalance * point[0]
        if surfaces.speckle > 0.0:
            row, column = int(point[0] * GRAINS + 4096.0), int(point[1] * GRAINS + 4096.0)
            shade *= 1.0 + surfaces.speckle * uniform(hashed(np.uint64(row), column), 0)
        return _plain(surfaces.floor, shade)
    if material == WALL:
        return _plain(surfaces.wall, shade)
    up = direction[2] - 2.0 * dot(normal, direction) * normal[2]
    mirror = surfaces.mirror if material == BASE_PLATE else 0.2 * surfaces.mirror
    around = mirror * (max(0.0, -up) + 2.0 * max(0.0, up) ** 3)
    gloss = surfaces.arm_gloss * gleam
    return (
        surfaces.arm[0] * shade + gloss + around * surfaces.floor[0],
        surfaces.arm[1] * shade + gloss + around * surfaces.floor[1],
        surfaces.arm[2] * shade + gloss + around * surfaces.floor[2],
        0.0,
        0.0,
    )


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
        geometry: IntArray,
        poses: FloatArray,
        out: npt.NDArray[np.float32],
    ) -> None:
        assert version >= 0  # the closure over the sources' digest is what renews the cache
        for n in prange(len(geometry)):
            shape, size, view = geometry[n, 0], geometry[n, 1], geometry[n, 2]
            load = Load(shape, HALF_EXTENTS[shape, size], poses[n])
            camera = CAMERAS[view]
            origin, right, down, ahead = (
                row(camera, 0),
                row(camera, 1),
                row(camera, 2),
                row(camera, 3),
            )
            share = 1.0 / (OVERSAMPLING * OVERSAMPLING)
            total = np.empty(5)
            for i in range(IMAGE_SIZE):
                for j in range(IMAGE_SIZE):
                    pixel = hashed(np.uint64(0), i * IMAGE_SIZE + j)
                    total[:] = 0.0
                    for a in range(OVERSAMPLING):
                        for b in range(OVERSAMPLING):
                            u = j + (b + 0.5) / OVERSAMPLING - 0.5 * IMAGE_SIZE
                            v = i + (a + 0.5) / OVERSAMPLING - 0.5 * IMAGE_SIZE
                            way = travelled(travelled(ahead, right, u), down, v)
                            direction = unit(way)
                            ray = (pixel, a, b)
                            seen = _trace(surfaces, light, ray, load, origin, direction)
                            for c in range(5):
                                total[c] += seen[c]
                    for c in range(5):
                        out[n, i, j, c] = total[c] * share
            if blur > 0.0:
                _soften(out[n], blur)

    return kept_kernel(shade, parallel=True, error_model="numpy")


def shade_scenes(domain: Domain, geometry: IntArray, poses: FloatArray) -> npt.NDArray[np.float32]:
    """Renders what does not depend on the colour factors.

    Args:
        domain: the look.
        geometry: (m, 3) object shapes, object sizes and camera heights.
        poses: (m, 5, 3) as `scene.poses` gives them.

    Returns:
        (m, 64, 64, 5) red, green and blue levels of everything without a colour factor, the lamps'
        reflections included, then the shaded coverage of the object and of the ring.
    """
    out = np.empty((len(geometry), IMAGE_SIZE, IMAGE_SIZE, 5), dtype=np.float32)
    _kernel()(domain.surfaces, domain.light, domain.camera.blur, geometry, poses, out)
    return out
