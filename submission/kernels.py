"""Compiled functions that are kept on disk from one process to the next."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

__all__ = ["kept_kernel", "sources_digest"]


def sources_digest(*folders: Path) -> str:
    """Digests the Python sources of folders.

    Args:
        folders: of the sources; folders within them do not count.

    Returns:
        Twelve hexadecimal digits.

    Example:
        >>> sources_digest(Path("no such folder"))
        'e3b0c44298fc'
    """
    digest = hashlib.sha256()
    for folder in folders:
        for source in sorted(folder.glob("*.py")):
            digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:12]


def kept_kernel(
    function: Callable[..., None], *folders: Path, **options: Any
) -> Callable[..., None]:
    """Compiles a function, or loads what an earlier process compiled of the same sources.

    Numba keeps it beside the source file, or in the user's cache folder where that cannot be
    written to. Where neither can be, the function is compiled anew in each process. Numba notices
    no change of the functions, classes and constants that a function takes from other files. So
    the sources' digest becomes part of the name under which it is kept.

    Args:
        function: to compile.
        folders: with the sources of all that it uses.
        options: of `numba.njit`.
    """
    function.__qualname__ += f"_{sources_digest(*folders)}"
    try:
        kernel: Callable[..., None] = njit(cache=True, **options)(function)
    except RuntimeError:  # no folder that can be written to
        kernel = njit(**options)(function)
    return kernel
