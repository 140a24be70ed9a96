"""Images of the data set that show a traversal of a latent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data.image_set import ImageSet
from submission.report.illustrations import Picture, words_of
from submission.report.pictures import draw_picture, draw_strip
from submission.report.traversal import ordinary_rows, traverse
from submission.scoring.code_table import CodeTable

__all__ = ["NUM_ORDINARY", "Anchor", "ShownTraversal", "TraversalImage", "show_traversals"]

IntArray = npt.NDArray[np.int64]

NUM_ORDINARY = 100
"""Images with ordinary codes. The one with the most contrast is the anchor."""


@dataclass(frozen=True)
class TraversalImage:
    """One image of a traversal: its picture, the value looked for and the value found."""

    picture: Picture
    wanted: float
    found: float


@dataclass(frozen=True)
class ShownTraversal:
    """A row of images.

    Attributes:
        latent: the latent that changes along the row.
        images: the images.
        changes: the factors that take several values in the row, and how many values.
        strip: all images in one picture.
    """

    latent: int
    images: list[TraversalImage]
    changes: list[tuple[str, int]]
    strip: Picture


@dataclass(frozen=True)
class Anchor:
    """The image that all traversals pass: its picture and its factors' values."""

    picture: Picture
    factors: list[tuple[str, int, int]]


def show_traversals(
    table: CodeTable, images: ImageSet, followed: Mapping[int, str]
) -> tuple[Anchor, list[ShownTraversal]]:
    """Retrieves the images of a traversal of each latent; few others are read.

    Args:
        table: the codes.
        images: the images that belong to them.
        followed: the latents to traverse, at least one, and the factor that each follows, "" for
            none.

    Returns:
        The image that the traversals pass, and the traversals in the given order.
    """
    names = [words_of(name) for name in table.space.names]
    latents = list(followed)
    ordinary = ordinary_rows(table.codes, latents, NUM_ORDINARY)
    contrasts = [float(images.images[row].std()) for row in ordinary]
    start = int(ordinary[int(np.argmax(contrasts))])
    values = table.space.index_to_factors([start])[0]
    picture = Picture("anchor", draw_picture(images.images[start]), "The anchor image.")
    anchor = Anchor(
        picture,
        [
            (name, int(value), size)
            for name, value, size in zip(names, values, table.space.sizes, strict=True)
            if size > 1
        ],
    )
    shown = []
    for found in traverse(table.codes, latents, start):
        points = table.space.index_to_factors(found.rows)  # (n, F)
        pixels: list[Any] = [images.images[row] for row in found.rows]
        reached = table.codes[found.rows, found.latent]
        changes = _changes(points, names, words_of(followed[found.latent]))
        row = [
            TraversalImage(
                Picture(
                    f"step_z{found.latent:02d}_{place}",
                    draw_picture(pixels[place]),
                    f"Image at {reached[place]:+.2f} along z{found.latent}: "
                    + ", ".join(f"{name} {points[place][names.index(name)]}" for name, _ in changes)
                    + ".",
                ),
                float(found.values[place]),
                float(reached[place]),
            )
            for place in range(len(pixels))
        ]
        strip = Picture(f"traversal_z{found.latent:02d}", draw_strip(pixels), "")
        shown.append(ShownTraversal(found.latent, row, changes, strip))
    return anchor, shown


def _changes(points: IntArray, names: Sequence[str], first: str) -> list[tuple[str, int]]:
    """Counts the values that each factor takes; those with a single one are left out.

    The factor that the latent follows comes first, then those with the most values.
    """
    counts = [(name, len(np.unique(points[:, place]))) for place, name in enumerate(names)]
    varying = [pair for pair in counts if pair[1] > 1]
    return sorted(varying, key=lambda pair: (pair[0] != first, -pair[1]))
