"""Rays against answers known otherwise."""

import numpy as np
import numpy.typing as npt
import pytest

from experiments.fitted import raycast
from experiments.fitted.look import look_named
from experiments.fitted.raycast import Load, first_hit
from experiments.fitted.scene import poses
from experiments.fitted.shadows import hidden

Vector = tuple[float, float, float]
DOWN = (0.0, 0.0, -1.0)
STRAIGHT = (1.0, 0.0)
SCENE = look_named("standin_real").scene


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
