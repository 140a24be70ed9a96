"""The numbers of a look that a fit may move."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from submission.data.standin.look import Look

__all__ = [
    "Parameter",
    "arm_parameters",
    "axis_parameters",
    "blur_parameters",
    "camera_parameters",
    "moved",
    "plate_parameters",
    "room_parameters",
]

BLURS = -0.15, 0.28
"""Least and greatest weight of a neighbour in a blur."""


@dataclass(frozen=True)
class Parameter:
    """One number of a look.

    Attributes:
        part: of the look, such as scene.
        field: of the part, such as cameras.
        place: within the field's array.
        step: by which it is moved to see what changes.
        slack: standard deviation of what is thought to be wrong with the value at the start.
        view: camera that alone it is of, or -1.
    """

    part: str
    field: str
    place: tuple[int, ...]
    step: float
    slack: float
    view: int = -1

    def value(self, look: Look) -> float:
        """Returns the number."""
        return float(getattr(getattr(look, self.part), self.field)[self.place])


def moved(look: Look, parameters: Sequence[Parameter], changes: Iterable[float]) -> Look:
    """Adds a change to each of several numbers."""
    parts = {name: getattr(look, name) for name in ("scene", "lamps", "paint")}
    for parameter, change in zip(parameters, changes, strict=True):
        values = getattr(parts[parameter.part], parameter.field).copy()
        values[parameter.place] += change
        if parameter.field == "blur":
            values[parameter.place] = np.clip(values[parameter.place], *BLURS)
        parts[parameter.part] = parts[parameter.part]._replace(**{parameter.field: values})
    return look._replace(**parts)


def _scene(field: str, steps: Sequence[float], slacks: Sequence[float]) -> list[Parameter]:
    return [
        Parameter("scene", field, (k,), step, slack)
        for k, (step, slack) in enumerate(zip(steps, slacks, strict=True))
        if slack > 0
    ]


def camera_parameters() -> list[Parameter]:
    """Lists place, direction and focal length of the cameras."""
    steps, slacks = (0.01, 0.01, 0.01, 0.1, 0.1, 0.1, 0.3), (0.1, 0.3, 0.3, 3, 3, 1.5, 5)
    return [
        Parameter("scene", "cameras", (view, k), step, slack, view)
        for view in range(3)
        for k, (step, slack) in enumerate(zip(steps, slacks, strict=True))
    ]


def blur_parameters() -> list[Parameter]:
    """Lists the cameras' blur."""
    return [Parameter("paint", "blur", (view,), 0.01, 0.03, view) for view in range(3)]


def axis_parameters() -> list[Parameter]:
    """Lists first angle, span and lead of the axes."""
    slacks = (4, 6, 3)
    return [
        Parameter("scene", "axes", (view, k), 0.3, slacks[k % 3], view)
        for view in range(3)
        for k in range(6)
    ]


def room_parameters() -> list[Parameter]:
    """Lists the measures of what stands still."""
    return [
        *_scene("ring", (0.01, 0.01, 0.5, 0.5), (0.2, 0.2, 5, 5)),
        *_scene("walls", (0.01, 0.3), (0.4, 5)),
        *plate_parameters(),
    ]


def plate_parameters() -> list[Parameter]:
    """Lists radius and place of the disc below the column.

    The arm hides part of it in each image, but not the same part in all.
    """
    return _scene("plate", (0.01, 0.01, 0.01), (0.1, 0.05, 0.05))


def arm_parameters() -> list[Parameter]:
    """Lists the measures of arm and object, the arm standing still."""
    extents = [
        Parameter("scene", "extents", (*place, k), 0.005, 0.04)
        for place in np.ndindex(6, 2)
        for k in range(2)
    ]
    spins = [
        Parameter("scene", "spins", (shape, size), 2.0, 10)
        for shape in (1, 3, 4)
        for size in range(2)
    ]
    return [
        *_scene("shoulder", (0.01, 0.01, 0.01, 0.01), (0.05, 0.03, 0.05, 0.05)),
        *_scene("rod", (0.01, 0.004, 0.02), (0.05, 0.02, 0.1)),
        *_scene("clamp", (0.01,) * 6, (0.03, 0.03, 0.03, 0.08, 0.08, 0.08)),
        *_scene("column", (0.01, 0.01, 0.01, 0.01, 0.01), (0.04, 0.04, 0.04, 0.04, 0.05)),
        *_scene("foot", (0.01, 0.01, 0.01, 0.01, 0.01), (0.05, 0.05, 0.05, 0.05, 0.05)),
        *extents,
        *spins,
    ]
