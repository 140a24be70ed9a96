"""What the compiled code was compiled from."""

import hashlib
from pathlib import Path

__all__ = ["sources_digest"]


def sources_digest() -> int:
    """Digests the sources of this package.

    Numba keeps compiled functions on disk and notices a change of their own file and of what they
    close over, but not of the functions and constants that they use from elsewhere. A compiled
    function that closes over this number is compiled again after any change.

    Returns:
        A number from 0 to below 2**48.
    """
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return int(digest.hexdigest()[:12], 16)
