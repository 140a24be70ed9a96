"""Small image sets for tests: random pixels, or the stand-in's."""

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.catalogue import full_grid
from submission.data.image_set import ImageSet
from submission.data.standin.render import render_images
from submission.data.standin.scene import standin_space
from submission.factors import FactorSpace

ALL_VALUES = (6, 6, 2, 3, 3, 2, 2)
"""All values of the first five factors, and both ends of the two axes."""

LONG_AXES = (2, 2, 1, 2, 1, 9, 7)
"""A few values of the first five factors, and axes long enough to test their order."""


def all_values(standin: str) -> tuple[int, ...]:
    """Returns `ALL_VALUES` of a stand-in."""
    return *full_grid(standin)[:5], 2, 2


def random_set(sizes: tuple[int, ...] = (2, 3, 4), seed: int = 0) -> ImageSet:
    """Makes images of random pixels."""
    space = FactorSpace(tuple(f"factor_{i}" for i in range(len(sizes))), sizes)
    shape = (space.num_points, 64, 64, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return _WithHash(f"random_{seed}", Path(), pixels, space)


def rendered_set(name: str, sizes: tuple[int, ...] = (2, 2, 1, 1, 1, 4, 4)) -> ImageSet:
    """Renders a small grid in memory; an MPI3D name gets the images of its stand-in."""
    path = Path("data", name, f"{name}.npz")
    space = standin_space(sizes, name.replace("mpi3d_", "standin_"))
    return _WithHash(name, path, rendered_images(name, sizes), space)


def rendered_images(name: str, sizes: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Renders all images of a grid; an MPI3D name gets those of its stand-in."""
    return _rendered(name.replace("mpi3d_", "standin_"), sizes)


@functools.cache
def _rendered(name: str, sizes: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    space = standin_space(sizes, name)
    return render_images(name, space, space.index_to_factors(np.arange(space.num_points)))


class _WithHash(ImageSet):
    @property
    def sha256(self) -> str:
        """A name in place of a file's hash."""
        return f"{self.name} {self.space.sizes}"
