"""Rays against answers known otherwise."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from submission.data.standin import raycast
from submission.data.standin.noise import hashed, normal, uniform
from submission.data.standin.raycast import Load, first_hit, occluded
from submission.data.standin.scene import poses
from submission.data.standin.shapes import FAR, hit_shape

Vector = tuple[float, float, float]
DOWN = (0.0, 0.0, -1.0)
UPRIGHT = poses(np.array([[0, 0]]), (1, 1))[0]  # elevation close to 90 degrees


def inside(shape: int, p: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Says which points (n, 3) lie in a shape, by its definition."""
    x, y, z = np.abs(p[:, 0]), np.abs(p[:, 1]), p[:, 2]
    r, capped = np.hypot(x, y), np.abs(z) <= 1
    hexagon = np.maximum(x, x / 2 + y * math.sqrt(0.75)) <= math.sqrt(0.75)
    rules: tuple[npt.NDArray[np.bool_], ...] = (
        capped & (r <= (1 - z) / 2),
        capped & (np.maximum(x, y) <= 1),
        capped & (r <= 1),
        capped & hexagon,
        capped & (np.maximum(x, y) <= (1 - z) / 2),
        (p**2).sum(axis=1) <= 1,
    )
    return rules[shape]


@pytest.mark.parametrize("shape", range(6))
def test_hits_agree_with_a_march_through_the_shape(shape: int) -> None:
    rng = np.random.default_rng(shape)
    steps = np.linspace(0, 8, 8001)
    hits = 0
    for _ in range(150):
        origin = rng.normal(size=3)
        origin *= 4 / np.linalg.norm(origin)
        direction = rng.uniform(-0.8, 0.8, size=3) - origin
        direction /= np.linalg.norm(direction)
        t, n = hit_shape(shape, tuple(origin), tuple(direction))
        reached = inside(shape, origin + steps[:, None] * direction)
        if reached.sum() < 3:
            continue
        hits += 1
        assert t == pytest.approx(steps[reached.argmax()], abs=2e-3)
        assert np.dot(n, direction) < 0
    assert hits > 30


@pytest.mark.parametrize("shape", range(6))
def test_apex_is_at_the_far_end_of_the_axis(shape: int) -> None:
    t, _ = hit_shape(shape, (0.01, 0.02, 5.0), DOWN)
    assert t == pytest.approx(4.0, abs=0.06)
    assert hit_shape(shape, (0.5, 0.2, 5.0), DOWN)[0] == pytest.approx(
        {0: 4 + 2 * math.hypot(0.5, 0.2), 4: 5.0, 5: 5 - math.sqrt(1 - 0.29)}.get(shape, 4.0)
    )
    assert hit_shape(shape, (2.0, 2.0, 5.0), DOWN)[0] == FAR


@pytest.mark.parametrize(
    ("place", "material", "distance"),
    [
        ((1.5, 0.0), raycast.FLOOR, 6.0),
        ((2.5, 0.0), raycast.RING_BAND, 6.0),
        ((0.0, 2.9), raycast.FLOOR, 6.0),
        ((0.0, 0.17), raycast.BASE_PLATE, 5.95),
        ((0.05, 0.0), raycast.ARM, 5.09),
    ],
)
def test_seen_from_above(place: tuple[float, float], material: int, distance: float) -> None:
    aside = poses(np.array([[0, 1]]), (2, 3))[0]  # the rod lies along -y
    t, found, n = first_hit(False, Load(1, 0.2, aside), (*place, 6.0), DOWN)
    assert found == material
    assert t == pytest.approx(distance)
    assert n == (0.0, 0.0, 1.0)


def test_object_and_rod_are_seen_where_the_pose_puts_them() -> None:
    for pose in poses(np.array([[3, 7], [20, 11], [38, 30]]), (40, 40)):
        load = Load(5, 0.2, pose)
        side = tuple(pose[1])
        for share, material, gap in ((1.0, raycast.OBJECT, 0.2), (0.5, raycast.ARM, 0.03)):
            target = pose[3] + share * pose[2]
            t, found, n = first_hit(True, load, tuple(target - 1.5 * pose[1]), side)
            assert found == material
            assert t == pytest.approx(1.5 - gap, abs=1e-6)
            assert np.dot(n, side) == pytest.approx(-1.0, abs=1e-6)


def test_walls_close_the_view_only_where_they_stand() -> None:
    load = Load(1, 0.2, UPRIGHT)
    ahead = (0.0, 1.0, 0.0)
    t, found, _ = first_hit(True, load, (1.0, -4.0, 0.3), ahead)
    assert found == raycast.WALL
    assert t == pytest.approx(7.6)
    assert first_hit(False, load, (1.0, -4.0, 0.3), ahead)[1] == -1


def test_what_is_under_the_object_lies_in_its_shadow() -> None:
    pose = poses(np.array([[5, 4]]), (40, 40))[0]
    load = Load(1, 0.2, pose)
    up = (0.0, 0.0, 1.0)
    assert occluded(load, (pose[4, 0], pose[4, 1], 0.01), up)
    assert not occluded(load, (-pose[4, 0], -pose[4, 1], 0.01), up)
    assert not occluded(load, (pose[4, 0], pose[4, 1], 2.5), up)


def test_random_numbers_are_spread_as_promised() -> None:
    key = np.uint64(7)
    uniforms = np.array([uniform(key, k) for k in range(4000)])
    normals = np.array([normal(key, k) for k in range(4000)])
    assert abs(uniforms.mean()) < 0.05
    assert uniforms.std() == pytest.approx(1 / math.sqrt(3), rel=0.05)
    assert uniforms.min() >= -1
    assert uniforms.max() < 1
    assert abs(normals.mean()) < 0.05
    assert normals.std() == pytest.approx(1.0, rel=0.05)
    assert abs(np.corrcoef(uniforms[1:], uniforms[:-1])[0, 1]) < 0.05


def test_hash_is_the_published_generator() -> None:
    # First outputs of SplitMix64 from state 1234567, as Vigna's reference program prints them.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [int(hashed(np.uint64(1234567), k)) for k in range(3)] == expected
