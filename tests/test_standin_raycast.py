"""Rays against answers known otherwise."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from submission.data.standin import raycast
from submission.data.standin.everyday import (
    BEER_CUP,
    COFFEE_CUP,
    CUPS,
    HOLLOW,
    hit_everyday,
)
from submission.data.standin.look import look_named
from submission.data.standin.noise import hashed, normal
from submission.data.standin.raycast import Load, first_hit
from submission.data.standin.scene import poses
from submission.data.standin.shadows import hidden
from submission.data.standin.shapes import FAR, hit_shape

Vector = tuple[float, float, float]
DOWN = (0.0, 0.0, -1.0)
STRAIGHT = (1.0, 0.0)
STEPS = np.linspace(0, 8, 8001)
SCENE = look_named("standin_real").scene


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


def rays(
    seed: int, spread: float
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Yields 150 rays at random, from places 4 away to places within `spread` of the middle."""
    rng = np.random.default_rng(seed)
    for _ in range(150):
        origin = rng.normal(size=3)
        origin *= 4 / np.linalg.norm(origin)
        direction = rng.uniform(-spread, spread, size=3) - origin
        yield origin, direction / np.linalg.norm(direction)


@pytest.mark.parametrize("shape", range(6))
def test_hits_agree_with_a_march_through_the_shape(shape: int) -> None:
    hits = 0
    for origin, direction in rays(shape, 0.8):
        t, n = hit_shape(shape, tuple(origin), tuple(direction))
        reached = inside(shape, origin + STEPS[:, None] * direction)
        if reached.sum() < 3:
            continue
        hits += 1
        assert t == pytest.approx(STEPS[reached.argmax()], abs=2e-3)
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


def inside_everyday(shape: int, p: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Says which points (n, 3) lie in an everyday object, by its definition."""
    x, y, z = p.T
    if shape in (7, 8):
        ball = (p**2).sum(axis=1) <= 1
        return np.asarray(ball & ((shape == 7) | (np.hypot(x, y - HOLLOW[1]) > HOLLOW[0])))
    cup = CUPS[0 if shape == COFFEE_CUP else 1]
    square = x * x + y * y
    outer, inner = (q[0] + q[1] * z + q[2] * z * z for q in (cup.outer, cup.inner))
    hull = (np.abs(z) <= 1) & (square <= outer)
    cavity = (z > cup.floor) & (square < inner)
    to_x, to_z, small, large, half = cup.handle
    ring = np.hypot(x - to_x, z - to_z)
    handle = (np.abs(y) <= half) & (ring >= small) & (ring <= large) & (x > 0) & (square > outer)
    return np.asarray(hull & ~cavity | handle)


@pytest.mark.parametrize("shape", range(6, 10))
def test_hits_of_everyday_objects_agree_with_a_march_through_them(shape: int) -> None:
    hits = 0
    for origin, direction in rays(shape, 1.1):
        t, n, _ = hit_everyday(shape, tuple(origin), tuple(direction))
        points = origin + STEPS[:, None] * direction
        reached = inside_everyday(shape, points)
        if not reached[reached.argmax() : reached.argmax() + 3].all():
            continue
        hits += 1
        assert t == pytest.approx(STEPS[reached.argmax()], abs=2e-3)
        assert np.dot(n, direction) < 0
        assert np.abs(points[reached]).max() <= math.sqrt(2)
    assert hits > 30


@pytest.mark.parametrize("shape", [COFFEE_CUP, BEER_CUP])
def test_a_cup_shows_its_lining_from_above_and_its_paint_from_elsewhere(shape: int) -> None:
    depth, normal, lined = hit_everyday(shape, (0.1, 0.2, 5.0), DOWN)
    assert lined
    assert 5.5 < depth < 6
    assert normal[2] > 0
    for origin, way in (((0.1, 0.2, -5.0), (0.0, 0.0, 1.0)), ((0.1, -5.0, 0.2), (0.0, 1.0, 0.0))):
        t, _, lined = hit_everyday(shape, origin, way)
        assert t < FAR
        assert not lined


def test_a_handle_has_a_hole() -> None:
    for shape, cup in ((COFFEE_CUP, CUPS[0]), (BEER_CUP, CUPS[1])):
        x, z, small, large, half = cup.handle
        met = [
            hit_everyday(shape, (x + r, -5.0, z), (0.0, 1.0, 0.0))[0]
            for r in (0.5 * (small + large), 0.9 * small)
        ]
        assert met == [pytest.approx(5 - half), FAR]


def test_a_ball_has_a_seam_that_is_narrow() -> None:
    rng = np.random.default_rng(0)
    ways = rng.normal(size=(800, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    lined = [hit_everyday(7, tuple(3 * way), tuple(-way))[2] for way in ways]
    assert 0.05 < np.mean(lined) < 0.4


def test_a_rod_ends_below_a_cup() -> None:
    pose = at((20, 11))
    down = tuple(-pose[2])
    above = tuple(pose[5] + 2 * pose[2])
    for shape, part in ((COFFEE_CUP, raycast.LINING), (2, raycast.OBJECT)):
        load = Load(shape, 0.2, 0.2, pose, STRAIGHT)
        assert first_hit(SCENE, load, above, down)[1] == part


def at(position: tuple[int, int]) -> npt.NDArray[np.float64]:
    frames = poses(SCENE, np.array([0]), np.array([position]), (40, 40))
    return np.asarray(frames[0])


def test_object_and_rod_are_seen_where_the_pose_puts_them() -> None:
    for position in ((3, 7), (20, 11), (38, 30)):
        pose = at(position)
        load = Load(5, 0.2, 0.2, pose, STRAIGHT)
        side = tuple(pose[1])
        for share, part, gap in ((1.0, raycast.OBJECT, 0.2), (0.6, raycast.ROD, SCENE.rod[1])):
            target = pose[4] + share * pose[2]
            t, found, n = first_hit(SCENE, load, tuple(target - 1.5 * pose[1]), side)
            assert found == part
            assert t == pytest.approx(1.5 - gap, abs=1e-6)
            assert np.dot(n, side) == pytest.approx(-1.0, abs=1e-6)


def test_the_clamp_is_a_box_that_turns_with_the_rod() -> None:
    half, place = np.array([0.06, 0.05, 0.07]), np.array([0.05, -0.02, 0.1])
    scene = SCENE._replace(
        clamp=np.array([*half, *place]),
        rod=np.array([0.0, 0.01, 0.95]),
        shoulder=np.array([SCENE.shoulder[0], 1e-3, 0.0, 1e-3]),
        column=np.full(5, 1e-3),
        foot=np.full(5, 1e-3),
    )
    for position in ((3, 7), (20, 11), (38, 30)):
        pose = at(position)
        load = Load(5, 0.01, 0.01, pose, STRAIGHT)
        axes = pose[[2, 0, 1]]
        middle = np.array([0.0, 0.0, scene.shoulder[0]]) + place @ axes
        for k, axis in enumerate(axes):
            for sign in (-1.0, 1.0):
                way = -sign * axis
                t, part, n = first_hit(scene, load, tuple(middle - 0.3 * way), tuple(way))
                assert part == raycast.CLAMP
                assert t == pytest.approx(0.3 - half[k])
                np.testing.assert_allclose(n, -way, atol=1e-9)
            beside = middle + 1.01 * half[k] * axis - 0.3 * axes[k - 1]
            assert first_hit(scene, load, tuple(beside), tuple(axes[k - 1]))[1] != raycast.CLAMP


def test_the_foot_is_round_about_an_axis_across_the_arm() -> None:
    radius, along, height, middle, half = 0.1, 0.02, 0.12, 0.15, 0.05
    scene = SCENE._replace(
        foot=np.array([radius, along, height, middle, half]), column=np.full(5, 1e-3)
    )
    for azimuth in (4, 16, 33):
        pose = at((20, azimuth))
        load = Load(5, 0.01, 0.01, pose, STRAIGHT)
        side, forward = pose[1], pose[3]
        centre = middle * side + along * forward + np.array([0.0, 0.0, height])
        np.testing.assert_allclose(raycast.foot_centre(scene.foot, load), centre)
        turned = (forward + np.array([0.0, 0.0, 1.0])) / math.sqrt(2)
        for axis, gap in ((side, half), (-side, half), (forward, radius), (turned, radius)):
            t, part, n = first_hit(scene, load, tuple(centre + 0.4 * axis), tuple(-axis))
            assert part == raycast.FOOT
            assert t == pytest.approx(0.4 - gap)
            np.testing.assert_allclose(n, axis, atol=1e-9)


def test_the_floor_hides_what_of_the_foot_lies_below_it() -> None:
    radius, height = 0.1, 0.06
    scene = SCENE._replace(foot=np.array([radius, 0.0, height, 0.1, 0.05]), column=np.full(5, 1e-3))
    pose = at((20, 11))
    load = Load(5, 0.01, 0.01, pose, STRAIGHT)
    centre, forward = raycast.foot_centre(scene.foot, load), pose[3]
    for angle, part in ((-0.5, raycast.FOOT), (-0.8, raycast.NOTHING)):
        out = math.cos(angle) * forward + math.sin(angle) * np.array([0.0, 0.0, 1.0])
        point = centre + radius * out
        way = point - (centre + 0.4 * forward + [0.0, 0.0, 0.3])
        way /= np.linalg.norm(way)
        assert (point[2] > 0) == (part == raycast.FOOT)
        assert first_hit(scene, load, tuple(point - 0.3 * way), tuple(way))[1] == part


def test_an_object_may_be_longer_than_wide() -> None:
    pose = at((20, 11))
    load = Load(2, 0.1, 0.3, pose, STRAIGHT)
    along, side = tuple(-pose[2]), tuple(-pose[0])
    for way, gap in ((along, 0.3), (side, 0.1)):
        t, found, n = first_hit(SCENE, load, tuple(pose[5] - 2 * np.array(way)), way)
        assert found == raycast.OBJECT
        assert t == pytest.approx(2 - gap)
        assert np.dot(n, way) == pytest.approx(-1.0)


def test_the_column_turns_with_the_arm() -> None:
    widths = []
    for azimuth in (4, 16):
        load = Load(5, 0.2, 0.2, at((20, azimuth)), STRAIGHT)
        hits = [
            first_hit(SCENE, load, (x, -5.0, 0.5), (0.0, 1.0, 0.0))[1] == raycast.COLUMN
            for x in np.linspace(-0.3, 0.3, 200)
        ]
        widths.append(sum(hits))
    assert widths[0] > 1.2 * widths[1] > 0


def test_what_is_under_the_object_lies_in_its_shadow() -> None:
    pose = at((5, 4))
    load = Load(1, 0.2, 0.2, pose, STRAIGHT)
    x, y = pose[5, :2]
    assert hidden(SCENE, load, (x, y, 6.0), 0.3, (x, y, 0.0)) > 0.9
    assert hidden(SCENE, load, (-x, -y, 6.0), 0.3, (-x, -y, 0.0)) == 0.0


def test_random_numbers_are_spread_as_promised() -> None:
    key = np.uint64(7)
    normals = np.array([normal(key, k) for k in range(4000)])
    assert abs(normals.mean()) < 0.05
    assert normals.std() == pytest.approx(1.0, rel=0.05)
    assert abs(np.corrcoef(normals[1:], normals[:-1])[0, 1]) < 0.05


def test_hash_is_the_published_generator() -> None:
    # First outputs of SplitMix64 from state 1234567, as Vigna's reference program prints them.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [int(hashed(np.uint64(1234567), k)) for k in range(3)] == expected
