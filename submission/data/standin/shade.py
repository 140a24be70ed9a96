"""Renders the scene up to its two colour factors, which a later multiply-add puts in."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from submission.data.standin.domains import Domain
from submission.data.standin.noise import hashed, uniform
from submission.data.standin.raycast import (
    ARM,
    BASE_PLATE,
    FLOOR,
    OBJECT,
    RING_BAND,
    WALL,
    first_hit,
    occluded,
)
from submission.data.standin.scene import CAMERAS, HALF_EXTENTS, IMAGE_SIZE

__all__ = ["OBJECT_SHARE", "RING_SHARE", "shade_scenes"]

OBJECT_SHARE, RING_SHARE = 3, 4  # channels after the red, green and blue of everything else
OVERSAMPLING = 2
STRATA = 2  # per ray and side of a lamp
GRAINS = 40.0  # per unit of floor


@njit(cache=True, error_model="numpy")
def _lamp(place, strength, light, pixel, si, sj, scene, px, py, pz, nx, ny, nz):  # type: ignore[no-untyped-def]
    """Returns a lamp's diffuse light at a point, the share that arrives, and the way to the lamp."""
    shape, extent, pose = scene
    lx, ly, lz = place[0] - px, place[1] - py, place[2] - pz
    near = lx * lx + ly * ly + lz * lz
    distance = math.sqrt(near)
    lx, ly, lz = lx / distance, ly / distance, lz / distance
    facing = nx * lx + ny * ly + nz * lz
    if facing <= 0.0:
        return 0.0, 0.0, lx, ly, lz
    far = place[0] * place[0] + place[1] * place[1] + place[2] * place[2]
    diffuse = strength * facing * far * math.sqrt(far) / (near * place[2])
    if light.shadow == 0.0:
        return diffuse, 1.0, lx, ly, lz
    qx, qy, qz = px + 0.003 * nx, py + 0.003 * ny, pz + 0.003 * nz
    cells = OVERSAMPLING * STRATA
    blocked = 0
    for a in range(STRATA):
        for b in range(STRATA):
            row, column = a * OVERSAMPLING + si, b * OVERSAMPLING + sj
            counter = 2 * (row * cells + column)
            u = (row + 0.5 + 0.5 * uniform(pixel, counter)) / cells - 0.5
            v = (column + 0.5 + 0.5 * uniform(pixel, counter + 1)) / cells - 0.5
            sx = place[0] + u * light.width - qx
            sy = place[1] + v * light.width - qy
            sz = place[2] - qz
            n = 1.0 / math.sqrt(sx * sx + sy * sy + sz * sz)
            if occluded(shape, extent, pose, qx, qy, qz, sx * n, sy * n, sz * n):
                blocked += 1
    seen = 1.0 - light.shadow * blocked / (STRATA * STRATA)
    return diffuse * seen, seen, lx, ly, lz


@njit(cache=True, error_model="numpy")
def _gleam(nx, ny, nz, lx, ly, lz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Returns a lamp's reflection: Blinn's half-vector cosine to the power 32."""
    hx, hy, hz = lx - dx, ly - dy, lz - dz
    n = math.sqrt(hx * hx + hy * hy + hz * hz)
    c = max(0.0, (nx * hx + ny * hy + nz * hz) / n)
    c *= c
    c *= c
    c *= c
    c *= c
    return c * c


@njit(cache=True, error_model="numpy")
def _trace(surfaces, light, pixel, si, sj, scene, ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Follows one camera ray; returns the five channels."""
    shape, extent, pose = scene
    t, material, nx, ny, nz = first_hit(surfaces.walls, shape, extent, pose, ox, oy, oz, dx, dy, dz)
    flat = light.flat and (material == FLOOR or material == RING_BAND)
    px, py, pz = ox + t * dx, oy + t * dy, oz + t * dz
    shade, gleam = 1.0, 0.0
    if not flat and material >= 0:
        key, seen, lx, ly, lz = _lamp(
            light.key_place, light.key, light, pixel, si, sj, scene, px, py, pz, nx, ny, nz
        )
        if seen > 0.0:
            gleam += 0.6 * seen * _gleam(nx, ny, nz, lx, ly, lz, dx, dy, dz)
        fill, seen, lx, ly, lz = _lamp(
            light.fill_place, light.fill, light, pixel, si, sj, scene, px, py, pz, nx, ny, nz
        )
        if seen > 0.0:
            gleam += 0.4 * seen * _gleam(nx, ny, nz, lx, ly, lz, dx, dy, dz)
        shade = light.ambient * (0.8 + 0.2 * nz) + key + fill
    if material == RING_BAND:
        return 0.0, 0.0, 0.0, 0.0, shade
    if material == OBJECT:
        gloss = surfaces.object_gloss * gleam
        return gloss, gloss, gloss, shade, 0.0
    if material == FLOOR:
        shade *= 1.0 + surfaces.imbalance * px
        if surfaces.speckle > 0.0:
            grain = hashed(np.uint64(int(px * GRAINS + 4096.0)), int(py * GRAINS + 4096.0))
            shade *= 1.0 + surfaces.speckle * uniform(grain, 0)
        r, g, b = surfaces.floor[0], surfaces.floor[1], surfaces.floor[2]
        return r * shade, g * shade, b * shade, 0.0, 0.0
    if material == WALL:
        r, g, b = surfaces.wall[0], surfaces.wall[1], surfaces.wall[2]
        return r * shade, g * shade, b * shade, 0.0, 0.0
    if material == ARM or material == BASE_PLATE:
        r, g, b = surfaces.arm[0], surfaces.arm[1], surfaces.arm[2]
        up = dz - 2.0 * (nx * dx + ny * dy + nz * dz) * nz
        share = surfaces.mirror if material == BASE_PLATE else 0.2 * surfaces.mirror
        around = share * (max(0.0, -up) + 2.0 * max(0.0, up) ** 3)
        gloss = surfaces.arm_gloss * gleam
        return (
            r * shade + gloss + around * surfaces.floor[0],
            g * shade + gloss + around * surfaces.floor[1],
            b * shade + gloss + around * surfaces.floor[2],
            0.0,
            0.0,
        )
    return 0.0, 0.0, 0.0, 0.0, 0.0


@njit(cache=True, error_model="numpy")
def _soften(image, weight):  # type: ignore[no-untyped-def]
    """Blurs an image in place along rows and columns; the border repeats itself."""
    before = image.copy()
    last = image.shape[0] - 1
    side = np.array([weight, 1.0 - 2.0 * weight, weight])
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


@njit(cache=True, parallel=True, error_model="numpy")
def _shade(surfaces, light, blur, shapes, extents, views, poses, out):  # type: ignore[no-untyped-def]
    for n in prange(len(shapes)):
        scene = (shapes[n], extents[n], poses[n])
        camera = CAMERAS[views[n]]
        inverse = 1.0 / (OVERSAMPLING * OVERSAMPLING)
        for i in range(IMAGE_SIZE):
            for j in range(IMAGE_SIZE):
                pixel = hashed(np.uint64(0), i * IMAGE_SIZE + j)
                s0, s1, s2, s3, s4 = 0.0, 0.0, 0.0, 0.0, 0.0
                for si in range(OVERSAMPLING):
                    for sj in range(OVERSAMPLING):
                        u = j + (sj + 0.5) / OVERSAMPLING - 0.5 * IMAGE_SIZE
                        v = i + (si + 0.5) / OVERSAMPLING - 0.5 * IMAGE_SIZE
                        dx = camera[3, 0] + u * camera[1, 0] + v * camera[2, 0]
                        dy = camera[3, 1] + u * camera[1, 1] + v * camera[2, 1]
                        dz = camera[3, 2] + u * camera[1, 2] + v * camera[2, 2]
                        f = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz)
                        c0, c1, c2, c3, c4 = _trace(
                            surfaces,
                            light,
                            pixel,
                            si,
                            sj,
                            scene,
                            camera[0, 0],
                            camera[0, 1],
                            camera[0, 2],
                            dx * f,
                            dy * f,
                            dz * f,
                        )
                        s0 += c0
                        s1 += c1
                        s2 += c2
                        s3 += c3
                        s4 += c4
                out[n, i, j, 0] = s0 * inverse
                out[n, i, j, 1] = s1 * inverse
                out[n, i, j, 2] = s2 * inverse
                out[n, i, j, 3] = s3 * inverse
                out[n, i, j, 4] = s4 * inverse
        if blur > 0.0:
            _soften(out[n], blur)


def shade_scenes(
    domain: Domain,
    shapes: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    views: npt.NDArray[np.int64],
    poses: npt.NDArray[np.float64],
) -> npt.NDArray[np.float32]:
    """Renders what does not depend on the colour factors.

    Args:
        domain: the look.
        shapes: (m,) object shapes.
        sizes: (m,) object sizes.
        views: (m,) camera heights.
        poses: (m, 5, 3) as `scene.poses` gives them.

    Returns:
        (m, 64, 64, 5) red, green and blue levels of everything without a colour factor, the lights'
        reflections included, then the shaded coverage of the object and of the ring.
    """
    out = np.empty((len(shapes), IMAGE_SIZE, IMAGE_SIZE, 5), dtype=np.float32)
    extents = HALF_EXTENTS[shapes, sizes]
    _shade(domain.surfaces, domain.light, domain.camera.blur, shapes, extents, views, poses, out)
    return out
