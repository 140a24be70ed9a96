"""Small image sets for tests: random pixels, or the stand-in's."""

from pathlib import Path

import numpy as np

from submission.data.images import ImageSet
from submission.data.standin.render import render_images
from submission.data.standin.scene import standin_space
from submission.factors import FactorSpace


def random_set(sizes: tuple[int, ...] = (2, 3, 4), seed: int = 0) -> ImageSet:
    """Makes images of random pixels."""
    space = FactorSpace(tuple(f"factor_{i}" for i in range(len(sizes))), sizes)
    shape = (space.num_points, 64, 64, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return _WithHash(f"random_{seed}", Path(), pixels, space)


def rendered_set(name: str, sizes: tuple[int, ...] = (2, 2, 1, 1, 1, 4, 4)) -> ImageSet:
    """Renders a small grid in memory."""
    space = standin_space(sizes)
    factors = space.index_to_factors(np.arange(space.num_points))
    return _WithHash(name, Path(), render_images(name, space, factors), space)


class _WithHash(ImageSet):
    @property
    def sha256(self) -> str:
        """A name in place of a file's hash."""
        return f"{self.name} {self.space.sizes}"
