"""Lamps, found by the shadows that arm and object cast on the floor."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation
from scipy.optimize import least_squares, nnls

from experiments.fit.design import COVER, chosen_pixels, covered, design_of
from experiments.fit.solid import Solids
from experiments.fit.split import Shots
from submission.data.standin.look import Look
from submission.data.standin.shadows import Lamps

__all__ = ["fit_lamps"]

FloatArray = npt.NDArray[np.float64]

LOWEST, HIGHEST = np.array([-4.0, -4.0, 2.0, 0.1]), np.array([4.0, 5.0, 8.0, 2.5])
"""Of a lamp's place and radius."""
NUM_IMAGES = 30
"""Of each camera."""
STARTS = np.array([[0.0, 2.6, 4.0, 0.6], [0.5, 0.0, 5.0, 1.0]])


def _open_floor(look: Look, shots: Shots, view: int) -> Solids:
    """Chooses a ninth of the pixels that neither arm nor object is near to."""
    chosen = shots.where(np.flatnonzero(shots.factors[:, 3] == view)[:NUM_IMAGES])
    shape = chosen.images.shape[:3]
    design = design_of(look, chosen.factors, chosen_pixels(np.ones(shape, dtype=bool)))
    near = binary_dilation(
        covered(design).reshape(shape) > 0.01, np.ones((1, 3, 3), bool), iterations=2
    )
    free = np.zeros(shape, dtype=bool)
    free[:, ::3, ::3] = ~near[:, ::3, ::3]
    pixels = chosen_pixels(free)
    return Solids(view, chosen.factors, pixels, chosen.images[free].astype(float), 0.1)


def fit_lamps(look: Look, shots: Shots, report: Callable[[str], None]) -> Look:
    """Finds places, sizes and strengths of two lamps for a look whose other parts are fitted."""
    floors = [_open_floor(look, shots, view) for view in range(3)]
    darker = []
    for floor in floors:
        behind = floor.behind(look).sum(axis=1)
        darker.append(1 - floor.levels.sum(axis=1) / np.maximum(behind, 20.0))
    target = np.concatenate(darker)

    def shades(values: FloatArray) -> FloatArray:
        columns = [_hidden(look, floors, lamp) for lamp in values.reshape(-1, 4)]
        return np.stack(columns, axis=1)

    def errors(values: FloatArray) -> FloatArray:
        matrix = shades(values)
        strengths, _ = nnls(matrix, target)
        left: FloatArray = target - matrix @ strengths
        return left

    known = look.lamps.strengths.max() > 0
    start = np.column_stack([look.lamps.places, look.lamps.radii]) if known else STARTS
    found = least_squares(
        errors,
        np.clip(start.ravel(), np.tile(LOWEST + 0.01, 2), np.tile(HIGHEST - 0.01, 2)),
        bounds=(np.tile(LOWEST, 2), np.tile(HIGHEST, 2)),
        loss="soft_l1",
        f_scale=0.05,
        diff_step=0.02,
        max_nfev=20,
    )
    strengths, _ = nnls(shades(found.x), target)
    values = found.x.reshape(-1, 4)
    report(f"lamps {values.round(2).tolist()}, strengths {strengths.round(3).tolist()}")
    return look._replace(lamps=Lamps(values[:, :3].copy(), values[:, 3].copy(), strengths))


def _hidden(look: Look, floors: Sequence[Solids], lamp: FloatArray) -> FloatArray:
    """Returns the share of a lamp that is hidden from each pixel."""
    lone = Lamps(lamp[None, :3].copy(), lamp[3:].copy(), np.ones(1))
    alone = look._replace(lamps=lone)
    return np.concatenate(
        [1.0 - design_of(alone, floor.factors, floor.pixels)[:, COVER] for floor in floors]
    )
