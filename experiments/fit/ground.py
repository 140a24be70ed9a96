"""What stands still, solved: paint of floor, ring, walls and plate from many images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation

from experiments.fit.design import COVER, MIRROR, chosen_pixels, covered, design_of
from experiments.fit.solve import Solved, robust, solved
from experiments.fit.split import Shots
from submission.data.standin.backdrop import NUM_REGIONS, PLATE, RING, backdrop_terms, softened
from submission.data.standin.look import Look
from submission.data.standin.scene import IMAGE_SIZE
from submission.data.standin.terms import NUM_TERMS

__all__ = ["Stills", "ground_matrix", "solve_ground", "still_images", "with_ground"]

FloatArray = npt.NDArray[np.float64]

FEWEST = 3
"""Images that must show a pixel of the backdrop."""

NUM_GROUND = (NUM_REGIONS + 1) * NUM_TERMS
"""Of the regions, then of the plate whatever the ring's colour."""
RIDGE = 1e-4

SCALE = 6.0
"""Error in levels from which a pixel counts less."""


@dataclass(frozen=True, eq=False)
class Stills:
    """One camera's backdrop as images show it, by the ring's colour.

    Attributes:
        view: the camera.
        levels: (3, 64, 64, 3) medians, shadows taken out.
        known: (3, 64, 64) whether enough images show a pixel.
    """

    view: int
    levels: FloatArray
    known: npt.NDArray[np.bool_]

    @property
    def target(self) -> FloatArray:
        """(n, 3) levels of the known pixels."""
        return self.levels[self.known]


def still_images(look: Look, shots: Shots, view: int) -> Stills:
    """Takes the median of images of one camera where neither arm nor object is in the way.

    Pixels with the column's reflection are left out, too: its width changes with the azimuth.
    """
    levels = np.zeros((3, IMAGE_SIZE, IMAGE_SIZE, 3))
    known = np.zeros((3, IMAGE_SIZE, IMAGE_SIZE), dtype=bool)
    for ring in range(3):
        chosen = shots.where((shots.factors[:, 3] == view) & (shots.factors[:, 4] == ring))
        if not len(chosen.images):
            continue
        shape = chosen.images.shape[:3]
        design = design_of(look, chosen.factors, chosen_pixels(np.ones(shape, dtype=bool)))
        hidden = binary_dilation(
            covered(design).reshape(shape) > 0.01, np.ones((1, 3, 3), bool), iterations=1
        ) | (design[:, MIRROR] > 0.1).any(axis=1).reshape(shape)
        images = chosen.images / np.maximum(design[:, COVER].reshape(shape), 0.2)[..., None]
        images[hidden] = np.nan
        known[ring] = (~hidden).sum(axis=0) >= min(FEWEST, len(images))
        levels[ring][known[ring]] = np.nanmedian(images[:, known[ring]], axis=0)
    return Stills(view, levels, known)


def ground_matrix(look: Look, stills: Stills) -> FloatArray:
    """Lays out the terms of the known pixels: ground and plate, then each of the ring's colours."""
    terms = softened(backdrop_terms(look.scene, stills.view), float(look.paint.blur[stills.view]))
    parts = []
    for ring in range(3):
        pixels = terms[stills.known[ring]]
        matrix = np.zeros((len(pixels), NUM_GROUND + 3 * NUM_TERMS))
        matrix[:, :NUM_GROUND] = pixels[:, : PLATE + 1].reshape(len(pixels), NUM_GROUND)
        for part in range(3):
            start = NUM_GROUND + (ring + part) % 3 * NUM_TERMS
            matrix[:, start : start + NUM_TERMS] = pixels[:, RING + part]
        parts.append(matrix)
    return np.concatenate(parts)


def solve_ground(matrix: FloatArray, target: FloatArray) -> Solved:
    """Solves for the paint of what stands still, outliers forgiven."""
    weights = np.ones(len(target))
    for _ in range(3):
        answer = solved(matrix, target, weights, RIDGE)
        errors = np.abs(target - matrix @ answer.solution).max(axis=1)
        weights = robust(errors, SCALE)
    return solved(matrix, target, weights, RIDGE)


def with_ground(look: Look, view: int, solution: FloatArray) -> Look:
    """Puts solved paint into a look."""
    paint = look.paint
    ground, plate, ring = paint.ground.copy(), paint.plate.copy(), paint.ring.copy()
    regions = solution[:NUM_GROUND].reshape(NUM_REGIONS + 1, NUM_TERMS, 3)
    ground[view], plate[view] = regions[:NUM_REGIONS], regions[PLATE]
    ring[view] = solution[NUM_GROUND:].reshape(3, NUM_TERMS, 3)
    return look._replace(paint=paint._replace(ground=ground, plate=plate, ring=ring))
