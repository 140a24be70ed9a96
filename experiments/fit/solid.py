"""Arm and object, solved: their paint and colours from many images of one camera."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation

from experiments.fit.design import (
    ARM,
    COVER,
    GLOSS,
    LIGHT,
    MIRROR,
    Pixels,
    channels_of,
    chosen_pixels,
    covered,
    design_of,
)
from experiments.fit.solve import Solved, robust, solved
from experiments.fit.split import Shots
from submission.data.standin.backdrop import PLATE, backdrop_of, backdrop_terms, softened
from submission.data.standin.look import Look
from submission.data.standin.raycast import COLUMN
from submission.data.standin.shade import BACKDROP_SHARE, OBJECT_LIGHT
from submission.data.standin.terms import FACING, NUM_ARM_TERMS, NUM_KNOTS, NUM_TERMS
from submission.scoring.arrays import IntArray

__all__ = ["Solids", "matrix_of", "seen", "solid_pixels", "solve_solids"]

FloatArray = npt.NDArray[np.float64]

RIDGE = 1e-3
OWN_RIDGE = 0.05
"""Ridge of what a ring's colour changes of the plate, so that the rest says what an average one
does."""
FLAT = 10.0
"""Ridge that holds back what a column's shade owes to where a side faces, and marks at an edge."""
WHITE = 250
"""Level from which a pixel may be brighter than it can show."""


@dataclass(frozen=True, eq=False)
class Solids:
    """Pixels near arm and object, and of reflection and plate, in images of one camera.

    Attributes:
        view: the camera.
        factors: (n, 7) values of the images.
        pixels: which of the images' pixels.
        levels: (p, 3) of the pixels.
        scale: error in levels from which a pixel counts less.
        flat: whether the column's edges are taken to be of one shade, by height alone.
    """

    view: int
    factors: IntArray
    pixels: Pixels
    levels: FloatArray
    scale: float
    flat: bool = False

    @property
    def color(self) -> IntArray:
        """(p,) colour factor of each pixel's image."""
        kinds: IntArray = self.factors[self.pixels.image, 0]
        return kinds

    def behind(self, look: Look) -> FloatArray:
        """Renders the (p, 3) backdrop of the pixels."""
        i, j = self.pixels.place.T
        levels: FloatArray = backdrop_of(look, self.view)[self.factors[self.pixels.image, 4], i, j]
        return levels


def solid_pixels(look: Look, shots: Shots, view: int, scale: float, flat: bool = False) -> Solids:
    """Chooses the pixels within three of arm and object, and those of reflection and plate.

    Where measures are fitted, the column is to be flat. Else an edge that is painted like the floor
    makes up for a column that is too wide.
    """
    chosen = shots.where(shots.factors[:, 3] == view)
    shape = chosen.images.shape[:3]
    every = chosen_pixels(np.ones(shape, dtype=bool))
    plate = backdrop_terms(look.scene, view)[:, :, PLATE, :NUM_KNOTS].any(axis=2)
    design = design_of(look, chosen.factors, every)
    near = plate | binary_dilation(
        covered(design).reshape(shape) > 0.01, np.ones((1, 3, 3), bool), iterations=3
    )
    near |= (design[:, MIRROR] > 0.01).any(axis=1).reshape(shape)
    return Solids(
        view, chosen.factors, chosen_pixels(near), chosen.images[near].astype(float), scale, flat
    )


def matrix_of(
    look: Look,
    solids: Solids,
    design: npt.NDArray[np.float32],
    plate: FloatArray,
    channel: int,
) -> FloatArray:
    """Lays out (p, 274) terms that paint weighs: arm, gloss, light, reflection, plate."""
    color = look.paint.colors[solids.view, solids.color, channel] / 100
    matrix = design[:, :COVER].astype(float)
    matrix[:, LIGHT] *= color[:, None]
    return np.concatenate([matrix, plate], axis=1)


def seen(look: Look, solids: Solids, behind: FloatArray) -> FloatArray:
    """Renders the (p, 3) levels of the pixels before a backdrop."""
    channels = channels_of(look, solids.factors, solids.pixels)
    light = channels[:, OBJECT_LIGHT : OBJECT_LIGHT + 3]
    colors = look.paint.colors[solids.view, solids.color]  # (p, 3)
    levels: FloatArray = channels[:, :3] + light * colors
    levels += channels[:, BACKDROP_SHARE, None] * behind
    return levels


def _paint(look: Look, view: int, channel: int) -> FloatArray:
    paint = look.paint
    arm, light = paint.arm[view].reshape(ARM.stop, 3), 100 * paint.light[view]
    solid = arm, paint.gloss[view], light, paint.mirror[view]
    common = paint.plate[view].mean(axis=0)
    plate = common, *(paint.plate[view] - common)
    weights: FloatArray = np.concatenate([*solid, *plate])[:, channel]
    return weights


def _plate_terms(look: Look, solids: Solids) -> FloatArray:
    """Lays out (p, 48) terms of the plate: whatever the ring's colour, then with each of them."""
    i, j = solids.pixels.place.T
    blur = float(look.paint.blur[solids.view])
    terms = softened(backdrop_terms(look.scene, solids.view), blur)[i, j, PLATE]
    ring = solids.factors[solids.pixels.image, 4]
    own = [terms * (ring == color)[:, None] for color in range(3)]
    return np.concatenate([terms, *own], axis=1)


def solve_solids(look: Look, solids: Solids, num_turns: int = 2) -> tuple[Look, list[Solved]]:
    """Solves for colours and paint in turn, outliers forgiven, saturated pixels left open.

    The plate is solved here, too: only images in which the arm turns show all of it.

    Args:
        look: the start.
        solids: the pixels.
        num_turns: how often.

    Returns:
        The look with its paint, and the last problem of each channel.
    """
    view = solids.view
    design = design_of(look, solids.factors, solids.pixels)
    cover = design[:, COVER].astype(float)
    arm, gloss, plate = (getattr(look.paint, name).copy() for name in ("arm", "gloss", "plate"))
    light, mirror, colors = (
        getattr(look.paint, name).copy() for name in ("light", "mirror", "colors")
    )
    changed = {"arm": arm, "gloss": gloss, "light": light, "mirror": mirror, "plate": plate}
    look = look._replace(paint=look.paint._replace(**changed, colors=colors))
    disc = _plate_terms(look, solids)
    common = plate[view].mean(axis=0)
    behind = solids.behind(look) - disc @ np.concatenate([common, *(plate[view] - common)])
    disc *= cover[:, None]
    answers = []
    ridge = np.full(COVER + disc.shape[1], RIDGE)
    ridge[COVER + NUM_TERMS :] = OWN_RIDGE
    if solids.flat:
        edges = NUM_TERMS + np.r_[:NUM_KNOTS, 2 * NUM_KNOTS : 3 * NUM_KNOTS]
        ridge[COLUMN * NUM_ARM_TERMS + np.r_[FACING, edges]] = FLAT
    for c in range(3):
        levels, still = solids.levels[:, c], cover * behind[:, c]
        matrix = matrix_of(look, solids, design, disc, c)
        now = matrix @ _paint(look, view, c) + still
        for turn in range(num_turns + 1):
            target = np.where((levels >= WHITE) & (now > levels), now, levels)
            answer = solved(matrix, target - still, robust(target - now, solids.scale), ridge)
            arm[view, ..., c] = answer.solution[ARM].reshape(-1, NUM_ARM_TERMS)
            gloss[view, :, c] = answer.solution[GLOSS]
            light[view, :, c] = answer.solution[LIGHT] / 100
            mirror[view, :, c] = answer.solution[MIRROR]
            shared, *own = answer.solution[COVER:].reshape(4, NUM_TERMS)
            plate[view, ..., c] = shared + np.stack(own)
            now = matrix @ answer.solution + still
            if turn < num_turns:
                shine = design[:, LIGHT] @ light[view, :, c]
                others = np.r_[: GLOSS.stop, LIGHT.stop : matrix.shape[1]]
                rest = target - still - matrix[:, others] @ answer.solution[others]
                _find_colors(colors[view, :, c], solids, shine, rest)
                matrix = matrix_of(look, solids, design, disc, c)
                now = matrix @ answer.solution + still
        answers.append(answer)
    return look, answers


def _find_colors(colors: FloatArray, solids: Solids, shine: FloatArray, rest: FloatArray) -> None:
    """Finds each colour's level in one channel from what is left without all other paint."""
    for color in range(len(colors)):
        own = (solids.color == color) & (shine > 0.02)
        if own.sum() > 30:
            x, y = shine[own], rest[own]
            for _ in range(2):
                weights = robust(y - colors[color] * x, solids.scale) ** 2
                colors[color] = max(0.5, (weights * x * y).sum() / (weights * x * x).sum())
