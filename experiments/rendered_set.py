"""A labelled set whose images are rendered when they are needed, without a file."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.image_set import IMAGE_SHAPE, ImageSet
from submission.data.standin.look import Look, values_of
from submission.data.standin.render import render_look
from submission.data.standin.scene import standin_space
from submission.factors import FactorSpace, IntArray

__all__ = ["RenderedImages", "rendered_set"]


class RenderedImages:
    """Images of the whole grid that are rendered when they are indexed, as an array would be.

    Args:
        looks: at least one.
        space: the grid.
    """

    def __init__(self, looks: Sequence[Look], space: FactorSpace) -> None:
        self.looks, self.space = tuple(looks), space
        self.shape = (space.num_points, *IMAGE_SHAPE)

    def __len__(self) -> int:
        return self.space.num_points

    def __getitem__(self, rows: IntArray) -> npt.NDArray[np.uint8]:
        """Renders (B,) images; which look an image has follows from its number."""
        images = np.empty((len(rows), *IMAGE_SHAPE), np.uint8)
        mixed = (np.asarray(rows, np.uint64) * np.uint64(2654435761)) >> np.uint64(7)
        which = (mixed % np.uint64(len(self.looks))).astype(np.int64)
        for number in np.unique(which):
            own = np.flatnonzero(which == number)
            factors = self.space.index_to_factors(rows[own])
            images[own] = render_look(self.looks[number], self.space, factors)
        return images


@dataclass(frozen=True, eq=False)
class _RenderedSet(ImageSet):
    looks: Sequence[Look] = ()

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the looks' numbers, in hexadecimal."""
        numbers = json.dumps([values_of(look) for look in self.looks])
        return hashlib.sha256(numbers.encode()).hexdigest()


def rendered_set(name: str, looks: Sequence[Look], unknown: tuple[str, ...] = ()) -> ImageSet:
    """Makes a labelled set of the full grid for `finetune`, without a file.

    Args:
        name: of the set.
        looks: at least one; an image has one of them.
        unknown: names of the factors whose values the images do not tell.

    Example:
        >>> from submission.data.standin.look import look_named
        >>> toy = rendered_set("toy", [look_named("standin_toy")])
        >>> toy.space.num_points, toy.images[np.array([7, 1_000_000])].shape
        (1036800, (2, 64, 64, 3))
    """
    space = standin_space()
    images = RenderedImages(looks, space)
    return _RenderedSet(name, Path(), images, space, unknown=unknown, looks=looks)  # type: ignore[arg-type]
