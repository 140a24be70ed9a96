"""How the three stand-in domains look: materials, light, and what each camera makes of them.

Colours are 8-bit levels of a surface under full light. They imitate the published MPI3D sets, and
`Camera.gain` brings the mean of every channel to theirs.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from submission.data.catalogue import STANDIN_NAMES
from submission.errors import InputError

__all__ = ["Camera", "Domain", "Light", "Surfaces", "domain_named"]

FloatArray = npt.NDArray[np.float64]


class Surfaces(NamedTuple):
    """What things are made of, except the two that carry a colour factor.

    Attributes:
        floor: (3,) colour.
        wall: (3,) colour.
        arm: (3,) colour.
        walls: whether the cabinet's walls stand.
        speckle: greatest relative change of the floor from grain to grain.
        imbalance: relative change of the floor's brightness per unit to the right.
        object_gloss: strength of the lights' reflections on the object.
        arm_gloss: strength of the lights' reflections on arm and base.
        mirror: strength of the surroundings' reflection on the base; on the arm, a fifth of it.
    """

    floor: FloatArray
    wall: FloatArray
    arm: FloatArray
    walls: bool = True
    speckle: float = 0.0
    imbalance: float = 0.0
    object_gloss: float = 0.0
    arm_gloss: float = 0.0
    mirror: float = 0.0


class Light(NamedTuple):
    """Ambient light and two lamps; strengths add up to 1 on the bare floor at the origin.

    Attributes:
        ambient: strength of the light from everywhere.
        key: strength of the main lamp.
        fill: strength of the second lamp.
        key_place: (3,) of the main lamp.
        fill_place: (3,) of the second lamp.
        flat: whether floor, ring and walls show their colour unshaded and no shadow is cast.
        width: side of each square lamp, which softens the shadows.
        shadow: share of a lamp's light that an obstacle takes away.
    """

    ambient: float
    key: float
    fill: float
    key_place: FloatArray
    fill_place: FloatArray
    flat: bool = False
    width: float = 0.0
    shadow: float = 0.0


class Camera(NamedTuple):
    """What happens between the light and the stored levels.

    Attributes:
        gain: (3, 3) exposure and white balance, camera by channel.
        black: (3,) level of no light.
        blur: weight of each neighbour in a blur along rows and along columns, 0 to 1/3.
        vignette: relative loss of light in the image's corners.
        shift: greatest displacement of an image, in pixels.
        turn: greatest rotation, in radians.
        zoom: greatest relative change of scale.
        noise: standard deviation in levels.
    """

    gain: FloatArray
    black: FloatArray = np.zeros(3)
    blur: float = 0.0
    vignette: float = 0.0
    shift: float = 0.0
    turn: float = 0.0
    zoom: float = 0.0
    noise: float = 0.0


class Domain(NamedTuple):
    """One look of the scene.

    Attributes:
        name: as in file names.
        number: tells the domains' random streams apart.
        object_colors: (3, 6, 3) levels by camera, colour, channel.
        ring_colors: (3, 3) levels by colour, channel.
        surfaces: the materials.
        light: the light.
        camera: the camera.
    """

    name: str
    number: int
    object_colors: FloatArray
    ring_colors: FloatArray
    surfaces: Surfaces
    light: Light
    camera: Camera


_TOY_COLORS = (
    (241, 241, 241),
    (38, 148, 38),
    (228, 2, 0),
    (40, 99, 191),
    (72, 51, 34),
    (138, 138, 52),
)
_TOY = Domain(
    name="standin_toy",
    number=0,
    object_colors=0.88 * np.array([_TOY_COLORS] * 3),
    ring_colors=np.array([(98.0, 74.0, 134.0), (72.0, 96.0, 93.0), (103.0, 74.0, 84.0)]),
    surfaces=Surfaces(
        floor=np.array([52.0, 52.0, 52.0]),
        wall=np.array([52.0, 52.0, 52.0]),
        arm=np.array([165.0, 165.0, 165.0]),
        walls=False,
    ),
    light=Light(
        ambient=0.42,
        key=0.38,
        fill=0.10,
        key_place=np.array([-1.4, -2.6, 5.6]),
        fill_place=np.array([2.6, -0.6, 4.0]),
        flat=True,
    ),
    camera=Camera(gain=np.ones((3, 3))),
)

_REALISTIC_COLORS = (
    (227, 251, 227),
    (44, 150, 48),
    (224, 42, 33),
    (45, 107, 179),
    (63, 57, 46),
    (139, 155, 66),
)
_REALISTIC = Domain(
    name="standin_realistic",
    number=1,
    object_colors=0.74 * np.array([_REALISTIC_COLORS] * 3),
    ring_colors=np.array([(95.0, 87.0, 124.0), (76.0, 106.0, 91.0), (101.0, 90.0, 86.0)]),
    surfaces=Surfaces(
        floor=np.array([50.0, 58.0, 50.0]),
        wall=np.array([20.0, 22.0, 19.0]),
        arm=np.array([16.0, 17.0, 16.0]),
        speckle=0.06,
        object_gloss=34.0,
        arm_gloss=60.0,
        mirror=0.3,
    ),
    light=Light(
        ambient=0.38,
        key=0.40,
        fill=0.22,
        key_place=np.array([1.6, -1.4, 5.4]),
        fill_place=np.array([-2.0, 0.8, 5.4]),
        width=1.0,
        shadow=1.0,
    ),
    camera=Camera(gain=np.tile([1.141, 1.145, 1.146], (3, 1))),
)

_REAL_COLORS = 1.12 * np.array(
    [[(227, 250, 230), (40, 138, 62), (240, 48, 54), (36, 104, 190), (60, 52, 42), (76, 78, 46)]]
    * 3
)
_REAL_COLORS[:, 3] = [(30, 96, 200), (40, 108, 186), (34, 124, 168)]
_REAL = Domain(
    name="standin_real",
    number=2,
    object_colors=_REAL_COLORS,
    ring_colors=np.array([(79.0, 78.0, 119.0), (73.0, 103.0, 97.0), (93.0, 84.0, 82.0)]),
    surfaces=Surfaces(
        floor=np.array([40.0, 52.0, 42.0]),
        wall=np.array([16.0, 20.0, 18.0]),
        arm=np.array([12.0, 13.0, 13.0]),
        speckle=0.08,
        imbalance=0.06,
        object_gloss=170.0,
        arm_gloss=130.0,
        mirror=1.2,
    ),
    light=Light(
        ambient=0.36,
        key=0.42,
        fill=0.22,
        key_place=np.array([1.9, -1.8, 4.8]),
        fill_place=np.array([-2.1, 1.0, 4.8]),
        width=1.5,
        shadow=0.7,
    ),
    camera=Camera(
        gain=np.array([[1.289, 1.192, 1.313], [1.103, 1.133, 1.260], [1.080, 1.253, 1.148]]),
        black=np.array([-4.0, -4.5, -6.0]),
        blur=0.12,
        vignette=0.22,
        shift=1.2,
        turn=0.015,
        zoom=0.012,
        noise=0.9,
    ),
)

_DOMAINS = dict(zip(STANDIN_NAMES, (_TOY, _REALISTIC, _REAL), strict=True))


def domain_named(name: str) -> Domain:
    """Looks a domain up.

    Raises:
        InputError: if there is no such domain.

    Example:
        >>> domain_named("standin_toy").light.flat, domain_named("standin_real").light.flat
        (True, False)
    """
    if name not in _DOMAINS:
        raise InputError(f"expected one of {', '.join(STANDIN_NAMES)}, got {name!r}")
    return _DOMAINS[name]
