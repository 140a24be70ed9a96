"""Keeps freed memory in the process, so that big tensors are not paged in anew at every step."""

import ctypes
import platform

__all__ = ["keep_freed_memory", "release_freed_memory"]

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8


def keep_freed_memory() -> bool:
    """Tells glibc to reuse freed memory instead of returning it to the system.

    A step of the optimiser allocates a tensor per parameter; fetched from the system each time,
    their page faults cost more than the arithmetic. The peak of memory stays the same.

    Returns:
        Whether the C library took the advice; other libraries than glibc are left alone.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    advice = {
        M_MMAP_MAX: 0,
        M_TRIM_THRESHOLD: 2**31 - 1,
        M_TOP_PAD: 2**26,
        M_ARENA_MAX: 1,
    }
    answers = [mallopt(key, value) for key, value in advice.items()]
    return all(answer == 1 for answer in answers)


def release_freed_memory() -> None:
    """Gives freed memory back to the system, where a stage has needed much more than the next."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
