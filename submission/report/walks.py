"""Rows of the data set's images that stand for a walk along a latent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data.image_set import ImageSet
from submission.report.illustrations import Picture, plain
from submission.report.pictures import draw_picture, draw_strip
from submission.report.traversal import ordinary_rows, traverse
from submission.scoring.code_table import CodeTable

__all__ = ["NUM_ORDINARY", "Anchor", "Step", "Walk", "walk"]

IntArray = npt.NDArray[np.int64]

NUM_ORDINARY = 100
"""Images with ordinary codes, among which the anchor is the one that shows most."""


@dataclass(frozen=True)
class Step:
    """One image of a walk: its picture, the value looked for and the one that was found."""

    picture: Picture
    wanted: float
    found: float


@dataclass(frozen=True)
class Walk:
    """A row of images.

    Attributes:
        latent: the latent along which they go.
        steps: the images.
        changes: which factors take several values among them, and how many.
        strip: all in one picture.
    """

    latent: int
    steps: list[Step]
    changes: list[tuple[str, int]]
    strip: Picture


@dataclass(frozen=True)
class Anchor:
    """The image that all walks go through: its picture and its factors' values."""

    picture: Picture
    factors: list[tuple[str, int, int]]


def walk(
    table: CodeTable, images: ImageSet, followed: Mapping[int, str]
) -> tuple[Anchor, list[Walk]]:
    """Retrieves the images of a walk along each latent; few others are read.

    Args:
        table: the codes.
        images: the images that belong to them.
        followed: the latents to walk along, at least one, and the factor that each follows; "" if
            none.

    Returns:
        the image that the walks go through, and the walks in the given order.
    """
    names = [plain(name) for name in table.space.names]
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
    walks = []
    for found in traverse(table.codes, latents, start):
        points = table.space.index_to_factors(found.rows)  # (n, F)
        pixels: list[Any] = [images.images[row] for row in found.rows]
        reached = table.codes[found.rows, found.latent]
        changes = _changes(points, names, plain(followed[found.latent]))
        steps = [
            Step(
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
        walks.append(Walk(found.latent, steps, changes, strip))
    return anchor, walks


def _changes(points: IntArray, names: Sequence[str], first: str) -> list[tuple[str, int]]:
    """Counts the values that each factor takes; those with a single one are left out.

    The factor that the latent follows comes first, then those with most values.
    """
    counts = [(name, len(np.unique(points[:, place]))) for place, name in enumerate(names)]
    varying = [pair for pair in counts if pair[1] > 1]
    return sorted(varying, key=lambda pair: (pair[0] != first, -pair[1]))
