"""Turns shaded scenes into finished images: colours, the image's own tint and noise, 8 bits."""

import functools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from submission.data.standin.backdrop import backdrops
from submission.data.standin.look import Look, Noise
from submission.data.standin.noise import normal, stream_key
from submission.data.standin.scene import IMAGE_SIZE
from submission.data.standin.shade import BACKDROP_SHARE, OBJECT_LIGHT
from submission.factors import IntArray
from submission.kernels import kept_kernel

__all__ = ["develop"]

FloatArray = npt.NDArray[np.float64]

TINT, GRAIN = 1, 2
"""Numbers of the random streams of an image."""


@njit(error_model="numpy")
def _develop(
    noise: Noise,
    scene: npt.NDArray[np.float32],
    backdrop: npt.NDArray[np.float32],
    color: FloatArray,
    keys: tuple[np.uint64, np.uint64],
    out: npt.NDArray[np.uint8],
) -> None:
    grain, (tint_key, grain_key) = noise.grain[0], keys
    tint = np.zeros(3)
    for c in range(3):
        if noise.tint[c] > 0.0:
            tint[c] = noise.tint[c] * normal(tint_key, c)
    for i in range(IMAGE_SIZE):
        for j in range(IMAGE_SIZE):
            for c in range(3):
                level = scene[i, j, c] + scene[i, j, OBJECT_LIGHT + c] * color[c]
                level += scene[i, j, BACKDROP_SHARE] * backdrop[i, j, c] + tint[c]
                if grain > 0.0:
                    level += grain * normal(grain_key, (i * IMAGE_SIZE + j) * 3 + c)
                out[i, j, c] = np.uint8(math.floor(min(max(level, 0.0), 255.0) + 0.5))


@functools.cache
def _kernel() -> Callable[..., None]:
    """Compiles the loop over images, or loads what an earlier process compiled of these sources."""

    def finish(
        noise: Noise,
        colors: FloatArray,
        stream: int,
        backdrop: npt.NDArray[np.float32],
        scenes: npt.NDArray[np.float32],
        shots: tuple[IntArray, IntArray, IntArray],
        out: npt.NDArray[np.uint8],
    ) -> None:
        which, factors, indices = shots
        for n in prange(len(which)):
            view, index = factors[n, 3], indices[n]
            keys = stream_key(stream, TINT, index), stream_key(stream, GRAIN, index)
            _develop(
                noise,
                scenes[which[n]],
                backdrop[view, factors[n, 4]],
                colors[view, factors[n, 0]],
                keys,
                out[n],
            )

    return kept_kernel(finish, Path(__file__).parent, parallel=True, error_model="numpy")


def develop(
    look: Look,
    seed: int,
    scenes: npt.NDArray[np.float32],
    which: IntArray,
    factors: IntArray,
    indices: IntArray,
) -> npt.NDArray[np.uint8]:
    """Finishes images.

    Args:
        look: of the domain.
        seed: of the file; it decides every image's tint and noise.
        scenes: (m, 64, 64, 7) as `shade.shade_scenes` gives them.
        which: (n,) number of each image's scene, 0..m-1.
        factors: (n, 7) factor values.
        indices: (n,) the images' numbers in their grid.

    Returns:
        (n, 64, 64, 3) levels.
    """
    out = np.empty((len(which), IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    stream = seed * 8 + look.number
    shots = which, np.ascontiguousarray(factors), indices
    _kernel()(look.noise, look.paint.colors, stream, backdrops(look), scenes, shots, out)
    return out
