"""Keeps freed memory in the process, which avoids page faults at every step."""

import ctypes
import platform

__all__ = ["keep_freed_memory", "release_freed_memory"]

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8


def keep_freed_memory() -> bool:
    """Makes glibc reuse freed memory instead of returning it to the system.

    A step of the optimiser allocates a tensor for each parameter. If these come from the system
    each time, the page faults cost more than the arithmetic. The peak of memory stays the same.

    Returns:
        Whether the C library accepted the settings. Libraries other than glibc are not changed.
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
    """Returns freed memory to the system, after a stage that needed much more than the next."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
