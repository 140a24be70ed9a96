"""Compiled functions that are kept on disk from one process to the next."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

__all__ = ["kept_kernel", "sources_digest"]


def sources_digest(*folders: Path) -> int:
    """Digests the Python sources of folders.

    Numba keeps compiled functions on disk and notices a change of their own file and of what they
    close over, but not of the functions and constants that they use from elsewhere. A compiled
    function that closes over this number is compiled again after any change.

    Args:
        folders: of the sources; folders within them do not count.

    Returns:
        A number from 0 to below 2**48.

    Example:
        >>> sources_digest(Path("no such folder"))
        250348346448124
    """
    digest = hashlib.sha256()
    for folder in folders:
        for source in sorted(folder.glob("*.py")):
            digest.update(source.read_bytes())
    return int(digest.hexdigest()[:12], 16)


def kept_kernel(function: Callable[..., None], **options: Any) -> Callable[..., None]:
    """Compiles a function, or loads what an earlier process compiled of the same sources.

    Numba keeps it beside the source file, or in the user's cache folder where that cannot be
    written to. Where neither can be, the function is compiled anew in each process.

    Args:
        function: closes over a number that changes with its sources.
        options: of `numba.njit`.
    """
    try:
        kernel: Callable[..., None] = njit(cache=True, **options)(function)
    except RuntimeError:  # no folder that can be written to
        kernel = njit(**options)(function)
    return kernel
