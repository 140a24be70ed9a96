"""Paint that few images show, taken from what others show."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from experiments.fit.design import ARM, COVER, GLOSS, LIGHT, MIRROR, design_of
from experiments.fit.solid import Solids, matrix_of
from experiments.fit.solve import robust, solved
from experiments.fit.split import Shots
from submission.data.standin.look import Look
from submission.data.standin.terms import NUM_ARM_TERMS

__all__ = ["completed"]

FloatArray = npt.NDArray[np.float64]

FEWEST = 3
"""Images from which a colour is known, of the object or of the ring."""

FEWEST_OF_A_CAMERA = 20
"""Images from which a camera has paint of its own; else all cameras share theirs."""

COLORS = {
    "standin_toy": "241 241 241 38 148 38 228 2 0 40 99 191 72 51 34 138 138 52",
    "standin_realistic": "227 251 227 44 150 48 224 42 33 45 107 179 80 62 41 139 155 66",
    "standin_real": "227 250 230 40 138 62 240 48 54 36 104 190 78 64 33 90 90 37",
}
RINGS = {
    "standin_toy": ((98, 74, 134), (72, 96, 93), (103, 74, 84)),
    "standin_realistic": ((95, 87, 124), (76, 106, 91), (101, 90, 86)),
    "standin_real": ((79, 78, 119), (73, 103, 97), (93, 84, 82)),
}
"""Levels as single images of the published sets show them, where too few images are labelled."""

RIDGE = 1e-3


def completed(look: Look, shots: Shots, solids: Sequence[Solids]) -> Look:
    """Fills in what the images of a camera do not show.

    Args:
        look: fitted, as far as there are images.
        shots: of the half that fits.
        solids: pixels of each camera.
    """
    counts = np.bincount(shots.factors[:, 3], minlength=3)
    if counts.min() < FEWEST_OF_A_CAMERA:
        look = _shared(look, solids)
    look = _with_colors(look, shots, counts.min() < FEWEST_OF_A_CAMERA)
    return _with_plates(_with_rings(look, shots), shots)


def _nominal(look: Look) -> FloatArray:
    return np.array(COLORS[look.name].split(), dtype=float).reshape(6, 3)


def _shared(look: Look, solids: Sequence[Solids]) -> Look:
    """Solves for one paint for all cameras, with the colours as they are known."""
    designs = [design_of(look, s.factors, s.pixels) for s in solids]
    still = [d[:, COVER, None] * s.behind(look) for d, s in zip(designs, solids, strict=True)]
    paint = look.paint
    names = ("arm", "gloss", "light", "mirror", "colors")
    arm, gloss, light, mirror, colors = (getattr(paint, name).copy() for name in names)
    levels = np.concatenate([s.levels - b for s, b in zip(solids, still, strict=True)])
    nominal = _nominal(look)
    colors[:] = nominal
    for c in range(3):
        weights = np.ones(len(levels))
        for _ in range(4):
            now = look._replace(paint=paint._replace(colors=colors))
            parts = [
                matrix_of(now, s, d, np.zeros((len(d), 0)), c)
                for d, s in zip(designs, solids, strict=True)
            ]
            matrix = np.concatenate(parts)
            answer = solved(matrix, levels[:, c], weights, RIDGE)
            weights = robust(levels[:, c] - matrix @ answer.solution, 10.0)
        arm[:, ..., c] = answer.solution[ARM].reshape(-1, NUM_ARM_TERMS)
        gloss[..., c] = answer.solution[GLOSS]
        light[..., c] = answer.solution[LIGHT] / 100
        mirror[..., c] = answer.solution[MIRROR]
    changed = dict(zip(names, (arm, gloss, light, mirror, colors), strict=True))
    return look._replace(paint=paint._replace(**changed))


def _with_colors(look: Look, shots: Shots, shared: bool) -> Look:
    """Gives colours that a camera's images lack the strength of those that they show."""
    if shared:
        return look
    nominal = _nominal(look)
    colors = look.paint.colors.copy()
    for view in range(3):
        own = shots.factors[shots.factors[:, 3] == view, 0]
        known = np.bincount(own, minlength=6) >= FEWEST
        scale = colors[view, known].sum(axis=0) / nominal[known].sum(axis=0)
        colors[view, ~known] = nominal[~known] * scale
    return look._replace(paint=look.paint._replace(colors=colors))


def _with_rings(look: Look, shots: Shots) -> Look:
    """Gives ring colours that a camera's images lack the shading of one that they show."""
    nominal = np.array(RINGS[look.name], dtype=float)
    ring = look.paint.ring.copy()
    for view in range(3):
        own = shots.factors[shots.factors[:, 3] == view, 4]
        counts = np.bincount(own, minlength=3)
        best = int(counts.argmax())
        for color in np.flatnonzero(counts < FEWEST):
            ring[view, color] = ring[view, best] * nominal[color] / nominal[best]
    return look._replace(paint=look.paint._replace(ring=ring))


def _with_plates(look: Look, shots: Shots) -> Look:
    """Gives the plate its mean paint under ring colours, and of cameras, that few images show."""
    plate = look.paint.plate.copy()
    counts = np.zeros((3, 3))
    np.add.at(counts, (shots.factors[:, 3], shots.factors[:, 4]), 1)
    for view in range(3):
        rare = counts[view] < FEWEST
        if rare.any() and not rare.all():
            plate[view, rare] = np.average(plate[view, ~rare], axis=0, weights=counts[view, ~rare])
    few = counts.sum(axis=1) < FEWEST_OF_A_CAMERA
    if few.any() and not few.all():
        plate[few] = np.average(plate[~few], axis=0, weights=counts[~few].sum(axis=1))
    return look._replace(paint=look.paint._replace(plate=plate))
