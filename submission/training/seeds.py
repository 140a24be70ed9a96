"""Derives the seed of each random generator from the one seed of a run."""

import hashlib

__all__ = ["seed_for"]


def seed_for(seed: int, purpose: str) -> int:
    """Derives the seed of one generator, so that generators of a run share no numbers.

    Two generators with the same seed give the same numbers: the first noise of a training would be
    its initial weights. The derived seed is the same on every platform.

    Args:
        seed: of the run, at least 0.
        purpose: what the generator is for, such as "VAE: noise".

    Returns:
        A number in 0..2**63 - 1, which PyTorch and NumPy take as a seed.

    Example:
        >>> seed_for(0, "VAE: noise") == seed_for(0, "VAE: noise")
        True
        >>> seed_for(0, "VAE: noise") == seed_for(0, "VAE: initial weights")
        False
    """
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
