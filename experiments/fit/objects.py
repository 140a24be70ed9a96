"""Fits how large each object is, and how it is turned about its own axis."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from experiments.fit.judge import rendered
from experiments.fit.split import Shots
from submission.data.standin.look import Look

__all__ = ["fit_objects"]

FloatArray = npt.NDArray[np.float64]

PERIODS = {1: 90.0, 3: 60.0, 4: 90.0}
"""By shape: the turn in degrees after which it looks the same; of cube, hexagonal and pyramid."""

SPIN_STEP = 5.0
"""Degrees between the turns that are tried before the descent."""

FEWEST = 8
"""Images of an object whose measures are fitted."""

FIRST_STEP = np.array([-0.01, -0.01, 3.0])
"""Of radius, half-height and turn, where the descent begins."""

MOST_RENDERS = 70


def fit_objects(look: Look, shots: Shots, report: Callable[[str], None]) -> Look:
    """Fits radius, half-height and turn of each object, alone, by the difference of whole images.

    The other stages see the edge of an object through weights of its paint, which can make up for a
    wrong size. The renders here cannot.

    Args:
        look: all else.
        shots: of the half that fits; an object with few images stays as it is.
        report: is told what was found.
    """
    kinds = shots.factors[:, 1:3]
    for shape, size in np.unique(kinds, axis=0):
        own = shots.where((kinds == [shape, size]).all(axis=1))
        if len(own.images) < FEWEST:
            continue
        found = _nearest(look, own, int(shape), int(size))
        look = _with_object(look, int(shape), int(size), found)
        report(f"shape {shape}, size {size}: radius, half-height, turn {np.round(found, 4)}")
    return look


def _nearest(look: Look, shots: Shots, shape: int, size: int) -> FloatArray:
    """Finds (radius, half-height, turn) with the smallest mean absolute difference."""

    def difference(measures: FloatArray) -> float:
        renders = rendered(_with_object(look, shape, size, measures), shots)
        return float(np.abs(shots.images.astype(float) - renders).mean())

    start = np.array([*look.scene.extents[shape, size], look.scene.spins[shape, size]])
    period = PERIODS.get(shape)
    if period:
        turns = start[2] + np.arange(0, period, SPIN_STEP)
        start = min((np.array([*start[:2], turn]) for turn in turns), key=difference)
        start[2] -= period * round(start[2] / period)
    free = 3 if period else 2
    simplex = start[:free] + np.concatenate([np.zeros((1, free)), np.diag(FIRST_STEP[:free])])
    result = minimize(
        lambda values: difference(np.array([*values, *start[free:]])),
        simplex[0],
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "maxfev": MOST_RENDERS, "fatol": 1e-4, "xatol": 3e-4},
    )
    found: FloatArray = np.array([*result.x, *start[free:]])
    return found


def _with_object(look: Look, shape: int, size: int, measures: FloatArray) -> Look:
    extents, spins = look.scene.extents.copy(), look.scene.spins.copy()
    extents[shape, size], spins[shape, size] = measures[:2], measures[2]
    return look._replace(scene=look.scene._replace(extents=extents, spins=spins))
