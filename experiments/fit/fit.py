"""Fits a domain's look to labelled images, stage by stage."""

from collections.abc import Callable

import numpy as np

from experiments.fit.camera_fit import CameraFit
from experiments.fit.complete import completed
from experiments.fit.descent import State, descend, joined
from experiments.fit.ground import still_images
from experiments.fit.lamps import fit_lamps
from experiments.fit.objects import fit_objects
from experiments.fit.parameters import (
    Parameter,
    arm_parameters,
    axis_parameters,
    blur_parameters,
    camera_parameters,
    plate_parameters,
    room_parameters,
)
from experiments.fit.places import fit_places
from experiments.fit.solid import Solids, solid_pixels
from experiments.fit.split import Shots
from submission.data.standin.look import Look

__all__ = ["STAGES", "fit_stage"]

STAGES = ("ground", "coarse", "lamps", "places", "fine", "paint", "objects")
"""What stands still; all measures, roughly; shadows; where objects are; measures of arm and plate;
paint and objects from all images."""

SCALES = {"coarse": 25.0, "fine": 10.0, "paint": 10.0}
"""Error in levels from which a pixel near arm and object counts less."""

NUM_STEPS = 10

COMMON = 4
"""Colours and shapes that every release has; images of the others are few."""


def fit_stage(
    look: Look, shots: Shots, stage: str, num_images: int, report: Callable[[str], None]
) -> Look:
    """Runs one stage.

    Args:
        look: the start.
        shots: of the half that fits.
        stage: of `STAGES`.
        num_images: of each camera, that fit measures of arm and object.
        report: is told of progress.
    """
    exact = shots.where(shots.exact)
    if stage == "lamps":
        return fit_lamps(look, exact, report)
    if stage == "places":
        return fit_places(look, shots, report)
    if stage == "objects":
        return fit_objects(look, shots, report)
    some = shots if stage == "paint" else _chosen(shots, num_images)
    fits = []
    for view in range(3):
        solids: Solids | None = None
        if stage != "ground":
            solids = solid_pixels(look, some, view, SCALES[stage], flat=stage == "fine")
        fits.append(CameraFit(still_images(look, exact, view), solids))

    def solve(look: Look, view: int) -> State:
        return fits[view].solve(look)

    if stage == "paint":
        for _ in range(3):
            look = joined(look, [solve(look, view) for view in range(3)])
        return completed(look, shots, [fit.solids for fit in fits if fit.solids])
    return descend(look, _parameters(stage), solve, NUM_STEPS, report)


def _parameters(stage: str) -> list[Parameter]:
    if stage == "fine":  # cameras and angles are where `fit_places` has put them
        return [*blur_parameters(), *plate_parameters(), *arm_parameters()]
    still = camera_parameters() + room_parameters()
    if stage == "ground":
        return still + blur_parameters()
    return still + axis_parameters() + arm_parameters()  # what is out of place would pass for blur


def _chosen(shots: Shots, count: int) -> Shots:
    """Draws images of each camera: exact ones, and half as many of colours and shapes they lack."""
    rare = (shots.factors[:, :2] >= COMMON).any(axis=1)
    keep = np.zeros(len(shots.images), dtype=bool)
    random = np.random.default_rng(0)
    for view in range(3):
        own = shots.factors[:, 3] == view
        keep[random.permutation(np.flatnonzero(own & shots.exact))[:count]] = True
        others = np.flatnonzero(own & ~shots.exact & rare)
        keep[random.permutation(others)[: count // 2]] = True
    return shots.where(keep)
