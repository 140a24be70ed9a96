"""Turns shaded scenes into finished images: colours, the camera's flaws, 8-bit levels."""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from submission.data.standin.domains import Camera, Domain
from submission.data.standin.noise import normal, stream_key, uniform
from submission.data.standin.scene import IMAGE_SIZE
from submission.data.standin.shade import OBJECT_SHARE, RING_SHARE
from submission.kernels import kept_kernel, sources_digest

__all__ = ["develop"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

JITTER, GRAIN = 1, 2
"""Numbers of the random streams of an image."""


class Shots(NamedTuple):
    """What is made of shaded scenes: n images.

    Attributes:
        which: (n,) number of each image's scene.
        views: (n,) camera heights.
        colors: (n,) object colours.
        rings: (n,) ring colours.
        indices: (n,) the images' numbers in their grid.
    """

    which: IntArray
    views: IntArray
    colors: IntArray
    rings: IntArray
    indices: IntArray


@njit(error_model="numpy")
def _compose(
    scene: npt.NDArray[np.float32],
    object_color: FloatArray,
    ring_color: FloatArray,
    into: FloatArray,
) -> None:
    for i in range(IMAGE_SIZE):
        for j in range(IMAGE_SIZE):
            for c in range(3):
                into[i, j, c] = (
                    scene[i, j, c]
                    + scene[i, j, OBJECT_SHARE] * object_color[c]
                    + scene[i, j, RING_SHARE] * ring_color[c]
                )


@njit(error_model="numpy")
def _warp(image: FloatArray, key: np.uint64, camera: Camera, into: FloatArray) -> None:
    """Displaces, turns and scales an image a little about its centre; the border repeats itself."""
    middle = 0.5 * (IMAGE_SIZE - 1)
    along = camera.shift * uniform(key, 0)
    down = camera.shift * uniform(key, 1)
    turn = camera.turn * uniform(key, 2)
    scale = 1.0 + camera.zoom * uniform(key, 3)
    most = IMAGE_SIZE - 1.001
    for i in range(IMAGE_SIZE):
        for j in range(IMAGE_SIZE):
            y, x = i - middle, j - middle
            v = min(max(middle + down + scale * y + turn * x, 0.0), most)
            u = min(max(middle + along + scale * x - turn * y, 0.0), most)
            a, b = int(v), int(u)
            p, q = v - a, u - b
            for c in range(3):
                above = (1.0 - q) * image[a, b, c] + q * image[a, b + 1, c]
                below = (1.0 - q) * image[a + 1, b, c] + q * image[a + 1, b + 1, c]
                into[i, j, c] = (1.0 - p) * above + p * below


@njit(error_model="numpy")
def _expose(
    image: FloatArray, view: int, key: np.uint64, camera: Camera, out: npt.NDArray[np.uint8]
) -> None:
    middle = 0.5 * (IMAGE_SIZE - 1)
    for i in range(IMAGE_SIZE):
        for j in range(IMAGE_SIZE):
            y, x = (i - middle) / middle, (j - middle) / middle
            light = 1.0 - camera.vignette * 0.5 * (x * x + y * y)
            for c in range(3):
                level = camera.black[c] + camera.gain[view, c] * light * image[i, j, c]
                if camera.noise > 0.0:
                    level += camera.noise * normal(key, (i * IMAGE_SIZE + j) * 3 + c)
                out[i, j, c] = np.uint8(math.floor(min(max(level, 0.0), 255.0) + 0.5))


@functools.cache
def _kernel() -> Callable[..., None]:
    """Compiles the loop over images, or loads what an earlier process compiled of these sources."""
    version = sources_digest(Path(__file__).parent)

    def finish(
        camera: Camera,
        object_colors: FloatArray,
        ring_colors: FloatArray,
        stream: int,
        scenes: npt.NDArray[np.float32],
        shots: Shots,
        out: npt.NDArray[np.uint8],
    ) -> None:
        assert version >= 0  # the closure over the sources' digest is what renews the cache
        moved = camera.shift > 0.0 or camera.turn > 0.0 or camera.zoom > 0.0
        for n in prange(len(shots.which)):
            image = np.empty((IMAGE_SIZE, IMAGE_SIZE, 3))
            view, index = shots.views[n], shots.indices[n]
            object_color = object_colors[view, shots.colors[n]]
            _compose(scenes[shots.which[n]], object_color, ring_colors[shots.rings[n]], image)
            if moved:
                still = image
                image = np.empty((IMAGE_SIZE, IMAGE_SIZE, 3))
                _warp(still, stream_key(stream, JITTER, index), camera, image)
            _expose(image, view, stream_key(stream, GRAIN, index), camera, out[n])

    return kept_kernel(finish, parallel=True, error_model="numpy")


def develop(
    domain: Domain,
    seed: int,
    scenes: npt.NDArray[np.float32],
    which: IntArray,
    factors: IntArray,
    indices: IntArray,
) -> npt.NDArray[np.uint8]:
    """Finishes images.

    Args:
        domain: the look.
        seed: of the file; it decides every image's displacement and noise.
        scenes: (m, 64, 64, 5) as `shade.shade_scenes` gives them.
        which: (n,) number of each image's scene, 0..m-1.
        factors: (n, 7) factor values.
        indices: (n,) the images' numbers in their grid.

    Returns:
        (n, 64, 64, 3) levels.
    """
    out = np.empty((len(which), IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    colors, views, rings = (np.ascontiguousarray(factors[:, k]) for k in (0, 3, 4))
    stream = seed * 8 + domain.number
    _kernel()(
        domain.camera,
        domain.object_colors,
        domain.ring_colors,
        stream,
        scenes,
        Shots(which, views, colors, rings, indices),
        out,
    )
    return out
