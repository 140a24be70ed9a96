"""The scene: its measures, its cameras and its moving arm.

Lengths are in units of the arm, from shoulder to object centre; x points right, y away from the
camera and z up, from an origin at the foot of the arm's column. The column and what it carries turn
about z; measures of them are given along the arm's horizontal direction and across it.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from submission.data.catalogue import FACTOR_NAMES, FULL_GRID, full_grid
from submission.errors import InputError
from submission.factors import FactorSpace

__all__ = ["IMAGE_SIZE", "Scene", "camera_vectors", "poses", "standin_space"]

FloatArray = npt.NDArray[np.float64]

IMAGE_SIZE = 64


class Scene(NamedTuple):
    """The measures of a scene; angles in degrees.

    Attributes:
        cameras: (3, 7) top, center and bottom: place to the right of the column, distance from it
            towards the viewer, height above the floor, pitch downward, yaw to the right, roll
            clockwise, focal length in pixels.
        ring: (4,) inner and outer radius of the coloured ring on the floor, and how far to the left
            and right of straight back its colour reaches; the next colours follow.
        walls: (2,) distance of the six walls from the column's axis, and their turn about it.
        plate: (3,) radius of the disc below the column, and the place of its middle on the floor.
        axes: (3, 6) first angle, span and lead of the elevation, then of the azimuth, by camera.
            The lead is by how much the middle position is ahead of even steps. Each camera has its
            own, within a degree.
        shoulder: (4,) height of the elevation's axis above the floor, radius of the joint, and
            where it begins and ends across the arm.
        rod: (3,) its place across the arm, its radius, and where it begins along itself.
        clamp: (6,) half-extents and middle of the block that holds the rod: along the rod, below it
            and across, from the elevation's axis.
        column: (5,) half-extents along and across, its middle along and across, and its height.
        foot: (5,) the motor at the column's foot, a cylinder whose axis lies across the arm: its
            radius, then the place of its middle along the arm, above the floor and across the arm,
            then half its length.
        extents: (n, 2, 2) object's radius and half-height by shape and size (small, large).
        spins: (n, 2) turn of the object about its own axis, likewise.
    """

    cameras: FloatArray
    ring: FloatArray
    walls: FloatArray
    plate: FloatArray
    axes: FloatArray
    shoulder: FloatArray
    rod: FloatArray
    clamp: FloatArray
    column: FloatArray
    foot: FloatArray
    extents: FloatArray
    spins: FloatArray


def standin_space(sizes: tuple[int, ...] = FULL_GRID, name: str = "standin_real") -> FactorSpace:
    """Names the factors of a stand-in grid, in the order of MPI3D.

    Args:
        sizes: seven sizes; the first five at most those of `full_grid`, the positions per axis
            free.
        name: of the stand-in.

    Raises:
        InputError: if there is no such grid.

    Example:
        >>> standin_space((6, 6, 2, 3, 3, 4, 4)).num_points
        10368
        >>> standin_space((4, 4, 2, 3, 3, 4, 4), "standin_real_complex").num_points
        4608
    """
    most = full_grid(name)[:5]
    if len(sizes) != len(FACTOR_NAMES) or min(sizes) < 1 or any(map(int.__gt__, sizes, most)):
        raise InputError(
            f"expected seven factor sizes of at least 1, the first five at most {most} for {name}, "
            f"got {tuple(sizes)}"
        )
    return FactorSpace(names=FACTOR_NAMES, sizes=tuple(sizes))


def camera_vectors(cameras: FloatArray) -> FloatArray:
    """Lays out cameras.

    Args:
        cameras: (3, 7) as in `Scene`.

    Returns:
        (3, 4, 3) place, then the world vectors of one pixel right, one pixel down and ahead.
    """
    x, back, height = cameras[:, :3].T
    pitch, yaw, roll = np.radians(cameras[:, 3:6]).T
    focal = cameras[:, 6:]
    place = np.stack([x, -back, height], axis=1)
    right = np.stack([np.cos(yaw), -np.sin(yaw), np.zeros_like(yaw)], axis=1)
    down = np.stack(
        [-np.sin(pitch) * np.sin(yaw), -np.sin(pitch) * np.cos(yaw), -np.cos(pitch)], axis=1
    )
    ahead = np.stack(
        [np.cos(pitch) * np.sin(yaw), np.cos(pitch) * np.cos(yaw), -np.sin(pitch)], axis=1
    )
    c, s = np.cos(roll)[:, None], np.sin(roll)[:, None]
    vectors: FloatArray = np.stack(
        [place, (c * right + s * down) / focal, (c * down - s * right) / focal, ahead], axis=1
    )
    return vectors


def _angles(position: npt.NDArray[np.int64], num_positions: int, travel: FloatArray) -> FloatArray:
    """Spreads positions evenly over an axis' whole travel; a lone position stands in the middle."""
    share = position / (num_positions - 1) if num_positions > 1 else np.full(len(position), 0.5)
    lead = 4.0 * share * (1.0 - share)
    angles: FloatArray = np.radians(travel[:, 0] + travel[:, 1] * share + travel[:, 2] * lead)
    return angles


def poses(
    scene: Scene,
    views: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    num_positions: tuple[int, int],
) -> FloatArray:
    """Moves the arm.

    Args:
        scene: its measures.
        views: (m,) cameras.
        positions: (m, 2) positions of the horizontal and the vertical axis.
        num_positions: how many positions each axis has.

    Returns:
        (m, 6, 3) three unit vectors of the object's frame, the last along the rod, then the rod's
        horizontal direction, the rod's beginning and the object's centre.
    """
    travel = scene.axes[views]  # (m, 6)
    e = _angles(positions[:, 0], num_positions[0], travel[:, :3])
    a = _angles(positions[:, 1], num_positions[1], travel[:, 3:])
    zero = np.zeros_like(a)
    rod = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=1)
    along = np.stack([np.cos(a), np.sin(a), zero], axis=1)
    side = np.stack([-np.sin(a), np.cos(a), zero], axis=1)
    pivot = scene.rod[0] * side + np.array([0.0, 0.0, scene.shoulder[0]])
    return np.stack([np.cross(side, rod), side, rod, along, pivot, pivot + rod], axis=1)
