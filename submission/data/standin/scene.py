"""The scene that all stand-in domains share: its measures, its cameras and its moving arm.

Lengths are in units of the arm, from shoulder to object centre; x points right, y away from the
camera and z up, from an origin at the foot of the arm's column.
"""

import numpy as np
import numpy.typing as npt

from submission.data.catalogue import FACTOR_NAMES, FULL_GRID
from submission.errors import InputError
from submission.factors import FactorSpace

__all__ = [
    "BASE",
    "CAMERAS",
    "COLUMN",
    "HALF_EXTENTS",
    "IMAGE_SIZE",
    "PLANES",
    "RING",
    "ROD_RADIUS",
    "WALL_APOTHEM",
    "WALL_NORMALS",
    "poses",
    "standin_space",
]

FloatArray = npt.NDArray[np.float64]

IMAGE_SIZE = 64


COLUMN, BASE = (0.12, 0.91), (0.20, 0.05)
"""Radius and height of the column that carries the arm, and of the plate below it."""

ROD_RADIUS = 0.03
SHOULDER_HEIGHT, SHOULDER_OFFSET = 0.838, 0.14
"""Of the rod's beginning: above the floor, and from the column's axis sideways of the rod."""

ELEVATION, AZIMUTH = (-0.62, 4.684 * 39), (-17.77, -4.602 * 39)
"""First angle and span of the horizontal and the vertical axis, in degrees."""

RING = (2.28, 2.79)
"""Inner and outer radius of the coloured ring on the floor."""

WALL_APOTHEM = 3.6
"""Distance of the six walls from the column's axis."""

FOCAL_LENGTH = 108.19
"""Of every camera, in pixels of an image of 64 x 64."""

VIEWS = np.array(
    [
        [0.019, 3.790, 4.768, 47.60, 0.968],
        [0.062, 4.188, 3.811, 36.40, -1.755],
        [-0.045, 4.454, 2.526, 20.52, 0.946],
    ]
)
"""(3, 5) cameras top, center and bottom.

Each has its place to the right of the column, its distance from the column towards the viewer, its
height above the floor, its pitch downward and its yaw to the right in degrees.
"""

HALF_EXTENTS = np.array(
    [[0.165, 0.22], [0.16, 0.215], [0.15, 0.19], [0.20, 0.26], [0.165, 0.23], [0.175, 0.215]]
)
"""(6, 2) half-extents of the object by shape; small, large."""

WALL_NORMALS = np.array([[np.cos(t), np.sin(t)] for t in (np.arange(6) + 0.5) * np.pi / 3])
"""(6, 2) outward normals of the walls."""


def standin_space(sizes: tuple[int, ...] = FULL_GRID) -> FactorSpace:
    """Names the factors of a stand-in grid, in the order of MPI3D.

    Args:
        sizes: seven sizes; the first five at most 6, 6, 2, 3, 3, the positions per axis free.

    Raises:
        InputError: if there is no such grid.

    Example:
        >>> standin_space((6, 6, 2, 3, 3, 4, 4)).num_points
        10368
    """
    most = FULL_GRID[:5]
    if len(sizes) != len(FACTOR_NAMES) or min(sizes) < 1 or any(map(int.__gt__, sizes, most)):
        raise InputError(
            f"expected seven factor sizes of at least 1, the first five at most {most}, "
            f"got {tuple(sizes)}"
        )
    return FactorSpace(names=FACTOR_NAMES, sizes=tuple(sizes))


def _cameras() -> FloatArray:
    """Lays out the cameras.

    Returns:
        (3, 4, 3) place, then the world vectors of one pixel right, one pixel down and ahead.
    """
    x, back, height = VIEWS[:, :3].T
    pitch, yaw = np.radians(VIEWS[:, 3:]).T
    zero = np.zeros(len(VIEWS))
    place = np.stack([x, -back, height], axis=1)
    right = np.stack([np.cos(yaw), -np.sin(yaw), zero], axis=1) / FOCAL_LENGTH
    down = np.stack(
        [-np.sin(pitch) * np.sin(yaw), -np.sin(pitch) * np.cos(yaw), -np.cos(pitch)], axis=1
    )
    ahead = np.stack(
        [np.cos(pitch) * np.sin(yaw), np.cos(pitch) * np.cos(yaw), -np.sin(pitch)], axis=1
    )
    cameras: FloatArray = np.stack([place, right, down / FOCAL_LENGTH, ahead], axis=1)
    return cameras


CAMERAS = _cameras()


def _planes() -> FloatArray:
    """Lists the faces of the flat-sided shapes within [-1, 1]^3, apex towards +z.

    Returns:
        (6, 8, 4) outward unit normal and distance per shape; unused rows lie out of reach.
    """
    planes = np.zeros((6, 8, 4))
    planes[..., 2:] = (1.0, 9.0)
    ends = [(0.0, 0.0, 1.0, 1.0), (0.0, 0.0, -1.0, 1.0)]
    sides = [(x, y, 0.0, 1.0) for x, y in ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))]
    turns = np.arange(6) * np.pi / 3
    hexagon = [(np.cos(t), np.sin(t), 0.0, np.sqrt(0.75)) for t in turns]
    slope = 1 / np.sqrt(5)
    roof = [(2 * slope * x, 2 * slope * y, slope, slope) for x, y, *_ in sides]
    for shape, faces in ((1, sides + ends), (3, hexagon + ends), (4, roof + ends[1:])):
        planes[shape, : len(faces)] = faces
    return planes


PLANES = _planes()


def _angles(
    position: npt.NDArray[np.int64], num_positions: int, start: float, span: float
) -> FloatArray:
    """Spreads positions evenly over an axis' whole travel; a lone position stands in the middle."""
    share = position / (num_positions - 1) if num_positions > 1 else np.full(len(position), 0.5)
    angles: FloatArray = np.radians(start + span * share)
    return angles


def poses(positions: npt.NDArray[np.int64], num_positions: tuple[int, int]) -> FloatArray:
    """Moves the arm.

    Args:
        positions: (m, 2) positions of the horizontal and the vertical axis.
        num_positions: how many positions each axis has.

    Returns:
        (m, 5, 3) three unit vectors of the object's frame, the last along the rod, then shoulder
        and object centre.

    Example:
        >>> pose = poses(np.array([[0, 3]]), num_positions=(5, 5))[0]
        >>> np.linalg.norm(pose[:3], axis=1).round(6).tolist()
        [1.0, 1.0, 1.0]
    """
    e = _angles(positions[:, 0], num_positions[0], *ELEVATION)
    a = _angles(positions[:, 1], num_positions[1], *AZIMUTH)
    zero = np.zeros_like(a)
    rod = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=1)
    side = np.stack([-np.sin(a), np.cos(a), zero], axis=1)
    shoulder = -SHOULDER_OFFSET * side + np.array([0.0, 0.0, SHOULDER_HEIGHT])
    return np.stack([np.cross(side, rod), side, rod, shoulder, shoulder + rod], axis=1)
