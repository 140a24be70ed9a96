"""Images of the data set that show a traversal of a latent."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from submission.data.image_set import ImageSet
from submission.report.illustrations import Picture, words_of
from submission.report.modes import Modes
from submission.report.numbers import signed
from submission.report.pictures import draw_picture, draw_strip
from submission.report.traversal import MOST_STEPS, Traversal, ordinary_rows, traverse
from submission.scoring.arrays import FloatArray

__all__ = [
    "NUM_ORDINARY",
    "Anchor",
    "HeldImage",
    "ShownTraversal",
    "TraversalImage",
    "show_traversals",
]


NUM_ORDINARY = 100
"""Images with ordinary codes. The one with the most contrast is the anchor."""


@dataclass(frozen=True)
class TraversalImage:
    """One image of a traversal.

    Attributes:
        picture: the image.
        wanted: the latent's value that was asked for.
        found: the latent's value in the image.
        miss: largest distance of any latent from what was asked, in standard deviations.
        changed: factors with another value than in the anchor image, except the followed one.
    """

    picture: Picture
    wanted: float
    found: float
    miss: float
    changed: tuple[str, ...]


@dataclass(frozen=True)
class HeldImage:
    """An image that differs from the anchor in one factor only.

    Attributes:
        picture: the image.
        value: of the factor.
        found: the latent's value in the image.
    """

    picture: Picture
    value: int
    found: float


@dataclass(frozen=True)
class ShownTraversal:
    """The images of one latent.

    Attributes:
        latent: the latent that changes along the row.
        factor: the factor that it follows, in words; "" for none.
        num_modes: how many modes the latent has.
        images: the images that were found by their codes.
        held: the images that hold the labels; none if the latent follows no factor.
        strip: all images in one picture.
    """

    latent: int
    factor: str
    num_modes: int
    images: list[TraversalImage]
    held: list[HeldImage]
    strip: Picture

    @property
    def num_changed(self) -> int:
        """How many of the images differ from the anchor in another factor than the followed one."""
        return sum(bool(image.changed) for image in self.images)


@dataclass(frozen=True)
class Anchor:
    """The image that all traversals start from: its picture and its factors' values."""

    picture: Picture
    factors: list[tuple[str, int, int]]


def show_traversals(
    codes: FloatArray, images: ImageSet, modes: Mapping[int, Modes], followed: Mapping[int, str]
) -> tuple[Anchor, list[ShownTraversal]]:
    """Retrieves the images of a traversal of each latent; few others are read.

    Args:
        codes: (N, C).
        images: the N images that belong to them.
        modes: of the latents to traverse, at least one.
        followed: the factor that each of these latents follows, "" for none.

    Returns:
        The anchor, and the traversals in the given order.
    """
    space = images.space
    ordinary = ordinary_rows(codes, modes, NUM_ORDINARY)
    contrasts = [float(images.images[row].std()) for row in ordinary]
    start = int(ordinary[int(np.argmax(contrasts))])
    values = space.index_to_factors([start])[0]
    anchor = Anchor(
        Picture("anchor", draw_picture(images.images[start]), "The anchor image."),
        [
            (words_of(name), int(value), size)
            for name, value, size in zip(space.names, values, space.sizes, strict=True)
            if size > 1
        ],
    )
    shown = []
    for path in traverse(codes, modes, start):
        factor = followed[path.latent]
        found = _found(codes, images, path, start, factor)
        strip = draw_strip([images.images[row] for row in path.rows])
        shown.append(
            ShownTraversal(
                latent=path.latent,
                factor=words_of(factor),
                num_modes=len(modes[path.latent].centres),
                images=found,
                held=_held(codes, images, path.latent, start, factor) if factor else [],
                strip=Picture(f"traversal_z{path.latent:02d}", strip, ""),
            )
        )
    return anchor, shown


def _found(
    codes: FloatArray, images: ImageSet, path: Traversal, start: int, factor: str
) -> list[TraversalImage]:
    """Gathers the images of a traversal, and in which factors each differs from the anchor."""
    names = images.space.names
    points = images.space.index_to_factors([start, *path.rows])
    steps = []
    for place, row in enumerate(path.rows):
        reached = float(codes[row, path.latent])
        differs = points[place + 1] != points[0]
        changed = tuple(
            words_of(name)
            for name, other in zip(names, differs, strict=True)
            if other and name != factor
        )
        words = f"Image at {signed(reached)} along z{path.latent}"
        words += f"; {', '.join(changed)} differs from the anchor." if changed else "."
        steps.append(
            TraversalImage(
                Picture(
                    f"step_z{path.latent:02d}_{place}", draw_picture(images.images[row]), words
                ),
                float(path.values[place]),
                reached,
                float(path.misses[place]),
                changed,
            )
        )
    return steps


def _held(
    codes: FloatArray, images: ImageSet, latent: int, start: int, factor: str
) -> list[HeldImage]:
    """Gathers the images with the anchor's factor values, except for one factor's."""
    space = images.space
    place = space.names.index(factor)
    size = space.sizes[place]
    values = np.linspace(0, size - 1, min(size, MOST_STEPS)).round().astype(np.int64)
    points = np.tile(space.index_to_factors([start]), (len(values), 1))
    points[:, place] = values
    return [
        HeldImage(
            Picture(
                f"held_z{latent:02d}_{value}",
                draw_picture(images.images[row]),
                f"The anchor with {words_of(factor)} {value}.",
            ),
            int(value),
            float(codes[row, latent]),
        )
        for value, row in zip(values, space.factors_to_index(points), strict=True)
    ]
