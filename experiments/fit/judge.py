"""How near the renders of a look are to the images that judge it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, label

from experiments.fit.design import GLOSS, chosen_pixels, covered, design_of
from experiments.fit.split import Shots
from submission.data.standin.backdrop import backdrop_of
from submission.data.standin.develop import develop
from submission.data.standin.look import Look
from submission.data.standin.scene import IMAGE_SIZE, poses
from submission.data.standin.shade import shade_scenes

__all__ = ["Verdict", "judge", "rendered", "table_of"]

FloatArray = npt.NDArray[np.float64]
Images = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

CAMERAS = ("top", "center", "bottom")
SHAPES = ("cone", "cube", "cylinder", "hexagonal", "pyramid", "sphere")
BRIGHTER = 25
"""Levels by which a pixel of the object is brighter than the backdrop in some channel."""
FEWEST_PIXELS = 12
"""Of an object whose place is measured."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """Differences between images and renders of the same factor values.

    Attributes:
        levels: (n,) mean absolute difference over all pixels of each image.
        of_solids: (n,) over pixels of arm and object alone.
        offsets: (n, 2) from the true centre of the object to ours, right and down, in pixels; NaN
            where it cannot be told.
        areas: (n,) our area of the object over the true one; NaN likewise.
    """

    levels: FloatArray
    of_solids: FloatArray
    offsets: FloatArray
    areas: FloatArray


def rendered(look: Look, shots: Shots) -> Images:
    """Renders the factor values of images, without tint and grain."""
    quiet = look._replace(noise=look.noise._replace(tint=np.zeros(3), grain=np.zeros(1)))
    factors = np.ascontiguousarray(shots.factors)
    frames = poses(look.scene, factors[:, 3], factors[:, 5:], (40, 40))
    scenes = shade_scenes(quiet, np.ascontiguousarray(factors[:, 1:4]), frames)
    numbers = np.arange(len(factors))
    return develop(quiet, 0, scenes, numbers, factors, numbers)


def judge(look: Look, shots: Shots, renders: Images) -> Verdict:
    """Compares images with renders."""
    errors = np.abs(shots.images.astype(float) - renders).mean(axis=3)
    of_solids = np.full(len(errors), np.nan)
    offsets, areas = np.full((len(errors), 2), np.nan), np.full(len(errors), np.nan)
    for view in range(3):
        numbers = np.flatnonzero(shots.factors[:, 3] == view)
        if not len(numbers):
            continue
        factors = shots.factors[numbers]
        every = chosen_pixels(np.ones((len(numbers), IMAGE_SIZE, IMAGE_SIZE), dtype=bool))
        shape = (len(numbers), IMAGE_SIZE, IMAGE_SIZE)
        design = design_of(look, factors, every)
        solid = covered(design).reshape(shape) > 0.05
        near = binary_dilation(
            design[:, OBJECT].reshape(shape) > 0.05, np.ones((1, 3, 3), bool), iterations=5
        )
        behind = backdrop_of(look, view)
        for k, number in enumerate(numbers):
            of_solids[number] = errors[number][solid[k]].mean()
            still = behind[shots.factors[number, 4]]
            true = _object(shots.images[number], still, near[k])
            ours = _object(renders[number], still, near[k])
            if true is not None and ours is not None:
                offsets[number] = _middle(ours) - _middle(true)
                areas[number] = ours.sum() / true.sum()
    return Verdict(errors.mean(axis=(1, 2)), of_solids, offsets, areas)


OBJECT = GLOSS.start
"""Column of a design that holds the object's share of a pixel."""


def _object(image: Images, still: FloatArray, near: Mask) -> Mask | None:
    """Finds the object's pixels, or None where it is cut off or too small."""
    pieces, count = label(((image - still).max(axis=2) > BRIGHTER) & near)
    if not count:
        return None
    sizes = np.bincount(pieces.ravel())[1:]
    found: Mask = pieces == 1 + sizes.argmax()
    border = found[0].any() or found[-1].any() or found[:, 0].any() or found[:, -1].any()
    return None if border or sizes.max() < FEWEST_PIXELS else found


def _middle(mask: Mask) -> FloatArray:
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()])


def table_of(verdict: Verdict, shots: Shots) -> str:
    """Lays out a verdict as lines of text."""
    lines = []
    views = shots.factors[:, 3]
    for title, half in (("fit", shots.fits), ("judge", ~shots.fits)):
        for kind, rows in (("exact", half & shots.exact), ("all", half)):
            lines.append(_line(f"{title}, {kind}", verdict, rows))
        for view, name in enumerate(CAMERAS):
            lines.append(_line(f"{title}, {name}", verdict, half & (views == view)))
    lines.append("our area of the object over the true one, small and large (number of images)")
    for shape, name in enumerate(SHAPES):
        cells = []
        for size in range(2):
            own = (shots.factors[:, 1] == shape) & (shots.factors[:, 2] == size) & ~shots.fits
            known = verdict.areas[own & ~np.isnan(verdict.areas)]
            cells.append(f"{np.median(known):.2f} ({len(known)})" if len(known) else "-")
        lines.append(f"  {name:<12}" + "".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)


def _line(title: str, verdict: Verdict, rows: Sequence[bool] | Mask) -> str:
    if not np.any(rows):
        return f"{title:<16} no image"
    offsets = verdict.offsets[rows]
    offsets = offsets[~np.isnan(offsets[:, 0])]
    line = (
        f"{title:<16}{np.sum(rows):>5} images  levels {verdict.levels[rows].mean():>5.2f}  "
        f"arm and object {np.nanmean(verdict.of_solids[rows]):>6.2f}"
    )
    if len(offsets):
        right, down = np.median(offsets, axis=0)
        distance = np.median(np.hypot(*offsets.T))
        line += f"  centre {right:+.2f} {down:+.2f} px, distance {distance:.2f}"
    return line
