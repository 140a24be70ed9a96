"""How the stand-in domains look: scene, lamps, paint and what the camera adds."""

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from submission.data.catalogue import STANDIN_NAMES
from submission.data.standin.scene import Scene
from submission.data.standin.shadows import Lamps
from submission.errors import InputError
from submission.factors import IntArray
from submission.files import write_text

__all__ = [
    "FOLDER",
    "PARTS",
    "Look",
    "Noise",
    "Paint",
    "look_named",
    "look_of",
    "values_of",
    "write_look",
]

FloatArray = npt.NDArray[np.float64]

FOLDER = Path(__file__).parent / "looks"


class Paint(NamedTuple):
    """The light that surfaces send to each camera: weights of the terms of `terms.py`, in levels.

    Attributes:
        ground: (3, 5, 12, 3) by camera, region of the backdrop, term, channel.
        plate: (3, 3, 12, 3) by camera, ring's colour, which shines on it, term, channel.
        ring: (3, 3, 12, 3) by camera, ring's colour, term, channel.
        arm: (3, 5, 36, 3) by camera, part, term, channel; of the clamp, 20 terms count.
        gloss: (3, 20, 3) what the object reflects, whatever its colour.
        light: (3, 20, 3) light on the object, which multiplies its colour.
        mirror: (3, 6, 3) what the column's reflection adds to the floor; mostly below 0.
        colors: (3, n, 3) levels of the object by camera, colour, channel; of everyday objects the
            last are those of their lining.
        blur: (3,) weight of each neighbour in a blur along rows and columns; below 0 sharpens.
    """

    ground: FloatArray
    plate: FloatArray
    ring: FloatArray
    arm: FloatArray
    gloss: FloatArray
    light: FloatArray
    mirror: FloatArray
    colors: FloatArray
    blur: FloatArray


class Noise(NamedTuple):
    """What differs from one image of a scene to the next, as standard deviations in levels.

    Attributes:
        tint: (3,) of a whole image's red, green and blue.
        grain: (1,) of a pixel.
    """

    tint: FloatArray
    grain: FloatArray


class Look(NamedTuple):
    """One look of the scene.

    Attributes:
        name: of the domain, as in file names.
        number: tells the domains' random streams apart.
        scene: its measures.
        lamps: what casts shadows.
        paint: the surfaces.
        noise: from image to image.
        first_shape: number of the shape that the factor's first value stands for; more may follow.
    """

    name: str
    number: int
    scene: Scene
    lamps: Lamps
    paint: Paint
    noise: Noise
    first_shape: int = 0

    def numbered(self, geometry: IntArray) -> IntArray:
        """Turns values of the factor in column 0 of (m, 3) into numbers of shapes."""
        return np.ascontiguousarray(geometry + np.array([self.first_shape, 0, 0]))


PARTS: dict[str, Any] = {"scene": Scene, "lamps": Lamps, "paint": Paint, "noise": Noise}


def look_of(name: str, values: dict[str, Any]) -> Look:
    """Puts a look together.

    Args:
        name: of the domain.
        values: nested lists of numbers by part and attribute, as `values_of` gives them.
    """
    parts: dict[str, Any] = {
        part: kind(**{key: np.array(values[part][key], dtype=float) for key in kind._fields})
        for part, kind in PARTS.items()
    }
    return Look(name=name, number=STANDIN_NAMES.index(name), **parts)


def values_of(look: Look) -> dict[str, Any]:
    """Lists the numbers of a look by part and attribute, with five significant digits."""
    return {
        part: {
            key: _rounded(value).tolist() for key, value in getattr(look, part)._asdict().items()
        }
        for part in PARTS
    }


def write_look(look: Look, path: Path) -> None:
    """Writes the numbers of a look as JSON, a line for each row of an array."""
    text = json.dumps(values_of(look)).replace("], [", "],\n[")
    write_text(path, text.replace(', "', ',\n"') + "\n")


def _rounded(values: FloatArray) -> FloatArray:
    digits = np.array([float(f"{value:.5g}") for value in values.ravel()])
    return digits.reshape(values.shape)


@functools.cache
def look_named(name: str) -> Look:
    """Reads the look of a domain.

    A file may name the look that it is like. It then holds what is added to the angles of the
    axes, the measures of further shapes, and the colours of the object.

    Raises:
        InputError: if there is no such domain.
    """
    if name not in STANDIN_NAMES:
        raise InputError(f"expected one of {', '.join(STANDIN_NAMES)}, got {name!r}")
    values = json.loads((FOLDER / f"{name}.json").read_text())
    if "like" not in values:
        return look_of(name, values)
    like = look_named(values["like"])
    more = {
        key: np.concatenate([getattr(like.scene, key), values[key]]) for key in ("extents", "spins")
    }
    return like._replace(
        name=name,
        number=STANDIN_NAMES.index(name),
        scene=like.scene._replace(axes=like.scene.axes + np.array(values["axes"]), **more),
        paint=like.paint._replace(colors=np.array(values["colors"], dtype=float)),
        first_shape=len(like.scene.extents),
    )
