"""Random numbers that are a pure function of key and counter, for threads without a generator."""

import math

import numpy as np
from numba import njit

__all__ = ["hashed", "normal", "stream_key"]


@njit(error_model="numpy")
def hashed(key: np.uint64, counter: int) -> np.uint64:
    """Mixes a key and a non-negative counter into 64 random bits.

    Source: the generator SplitMix64 (Steele, Lea and Flood, 2014), jumped to its counter-th output.
    """
    z = np.uint64(key) + (np.uint64(counter) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(error_model="numpy")
def stream_key(seed: int, stream: int, index: int) -> np.uint64:
    """Derives the key of one image's stream.

    Args:
        seed: of the file.
        stream: a small number per use.
        index: of the image in its grid.
    """
    return hashed(hashed(hashed(np.uint64(0), seed), stream), index)


@njit(error_model="numpy")
def normal(key: np.uint64, counter: int) -> float:
    """Draws a nearly normal number of mean 0 and deviation 1, the sum of four uniform ones."""
    bits = hashed(key, counter)
    mask = np.uint64(0xFFFF)
    total = (
        (bits & mask)
        + ((bits >> np.uint64(16)) & mask)
        + ((bits >> np.uint64(32)) & mask)
        + (bits >> np.uint64(48))
    )
    return (float(total) - 131070.0) * (math.sqrt(3.0) / 65536.0)
