"""Random numbers that are a pure function of where they are used, for threads that share no generator."""

import numpy as np
from numba import njit

__all__ = ["hashed", "normal", "stream_key", "uniform"]


@njit(cache=True)
def hashed(key, counter):  # type: ignore[no-untyped-def]
    """Mixes a key and a counter into 64 random bits (the finalizer of SplitMix64).

    Args:
        key: uint64.
        counter: non-negative integer.
    """
    z = np.uint64(key) + (np.uint64(counter) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def stream_key(seed, stream, index):  # type: ignore[no-untyped-def]
    """Derives the key of one image's stream from the file's seed.

    Args:
        seed: the file's.
        stream: a small number per use.
        index: the image's number in its grid.
    """
    return hashed(hashed(hashed(np.uint64(0), seed), stream), index)


@njit(cache=True)
def uniform(key, counter):  # type: ignore[no-untyped-def]
    """Draws from [-1, 1)."""
    return np.float64(hashed(key, counter) >> np.uint64(11)) * 2.0**-52 - 1.0


@njit(cache=True)
def normal(key, counter):  # type: ignore[no-untyped-def]
    """Draws a nearly normal number of mean 0 and deviation 1, the sum of four uniform ones."""
    bits = hashed(key, counter)
    mask = np.uint64(0xFFFF)
    total = (
        (bits & mask)
        + ((bits >> np.uint64(16)) & mask)
        + ((bits >> np.uint64(32)) & mask)
        + (bits >> np.uint64(48))
    )
    return (np.float64(total) - 131070.0) * (np.sqrt(3.0) / 65536.0)
