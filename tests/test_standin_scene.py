"""The stand-in's grid, arm and cameras."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import binary_dilation

from submission.data.catalogue import FULL_GRID, STANDIN_NAMES
from submission.data.standin.backdrop import PLATE, backdrop_of, backdrop_terms
from submission.data.standin.look import look_named
from submission.data.standin.reflection import reflection
from submission.data.standin.scene import camera_vectors, poses, standin_space
from submission.data.standin.shade import load_of, shade_scenes
from submission.data.standin.shapes import PLANES
from submission.data.standin.terms import (
    FIRST_KNOT,
    NUM_ARM_TERMS,
    NUM_BALL_TERMS,
    NUM_KNOTS,
    NUM_MIRROR_TERMS,
    NUM_TERMS,
    plate_terms,
    rod_marks,
    solid_terms,
)

AXIS_ENDS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def frames_at(
    positions: npt.NDArray[np.int64], num_positions: tuple[int, int]
) -> npt.NDArray[np.float64]:
    scene = look_named("standin_real").scene
    return poses(scene, np.zeros(len(positions), dtype=np.int64), positions, num_positions)


def test_default_grid_is_that_of_mpi3d() -> None:
    space = standin_space()
    assert space.sizes == (6, 6, 2, 3, 3, 40, 40)
    assert space.num_points == 1_036_800
    assert space.names == (
        "object_color",
        "object_shape",
        "object_size",
        "camera_height",
        "background_color",
        "horizontal_axis",
        "vertical_axis",
    )


@pytest.mark.parametrize(
    "sizes",
    [
        (6, 6, 2, 3, 3, 40),
        (6, 6, 2, 3, 3, 40, 40, 1),
        (7, 6, 2, 3, 3, 40, 40),
        (6, 6, 2, 3, 4, 40, 40),
        (6, 6, 2, 3, 3, 0, 40),
    ],
)
def test_impossible_grids_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected seven factor sizes"):
        standin_space(sizes)


@pytest.mark.parametrize("sizes", [(5, 4, 2, 3, 3, 4, 4), (4, 6, 2, 3, 3, 4, 4)])
def test_a_stand_in_has_the_values_of_its_set_and_no_more(sizes: tuple[int, ...]) -> None:
    assert standin_space(sizes, "standin_real").sizes == sizes
    with pytest.raises(ValueError, match=r"at most \(4, 4, 2, 3, 3\) for standin_real_complex"):
        standin_space(sizes, "standin_real_complex")


def test_more_positions_than_mpi3d_are_allowed() -> None:
    assert standin_space((*FULL_GRID[:5], 41, 77)).sizes[5:] == (41, 77)


def test_pose_is_a_right_handed_frame_with_the_object_one_unit_along_the_rod() -> None:
    positions = np.indices((40, 40)).reshape(2, -1).T
    frames = frames_at(positions, (40, 40))
    axes, shoulders, centres = frames[:, :3], frames[:, 4], frames[:, 5]
    np.testing.assert_allclose(
        axes @ axes.transpose(0, 2, 1), np.tile(np.eye(3), (1600, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(axes), 1.0, atol=1e-12)
    np.testing.assert_allclose(centres - shoulders, axes[:, 2], atol=1e-12)


@pytest.mark.parametrize("num_positions", [(2, 2), (3, 5), (13, 13), (100, 40)])
def test_every_grid_spans_the_same_travel(num_positions: tuple[int, int]) -> None:
    last = np.array(num_positions) - 1
    np.testing.assert_allclose(
        frames_at(AXIS_ENDS * last, num_positions), frames_at(AXIS_ENDS * 39, (40, 40))
    )


def test_steps_between_positions_change_evenly_by_the_lead() -> None:
    scene = look_named("standin_real").scene
    positions = np.stack([np.arange(40), np.zeros(40, dtype=np.int64)], axis=1)
    along = frames_at(positions, (40, 40))[:, 2]
    steps = np.degrees(np.arccos((along[1:] * along[:-1]).sum(axis=1)))
    np.testing.assert_allclose(np.diff(steps), -8 * scene.axes[0, 2] / 39**2, atol=1e-6)
    assert steps.mean() == pytest.approx(scene.axes[0, 1] / 39)
    assert 4.4 < steps.mean() < 5.0


def test_a_lone_position_stands_in_the_middle() -> None:
    np.testing.assert_allclose(
        frames_at(np.array([[0, 0]]), (1, 1)), frames_at(np.array([[1, 1]]), (3, 3))
    )


@pytest.mark.parametrize("name", STANDIN_NAMES)
def test_small_is_smaller_than_large(name: str) -> None:
    extents = look_named(name).scene.extents
    assert (extents[:, 0] < 0.95 * extents[:, 1]).all()


@pytest.mark.parametrize("name", STANDIN_NAMES)
def test_cameras_go_down_and_see_the_column_in_the_middle(name: str) -> None:
    cameras = camera_vectors(look_named(name).scene.cameras)
    place, right, down, ahead = (cameras[:, k] for k in range(4))
    assert (np.diff(place[:, 2]) < 0).all()
    np.testing.assert_allclose((right * down).sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose((right * ahead).sum(axis=1), 0, atol=1e-12)
    way = np.array([0.0, 0.0, 0.6]) - place
    across = (way * right).sum(axis=1) / (right**2).sum(axis=1) / (way * ahead).sum(axis=1)
    assert (np.abs(across) < 5).all()


def test_terms_of_the_plate_blend_from_one_radius_to_the_next() -> None:
    terms = np.zeros(NUM_TERMS)
    for radius in np.linspace(0, 1, 29):
        plate_terms(radius * 0.6, -radius * 0.8, terms)
        shares = terms[:NUM_KNOTS]
        assert shares.sum() == pytest.approx(1.0)
        knots = np.linspace(FIRST_KNOT, 1, NUM_KNOTS)
        assert shares @ knots == pytest.approx(max(radius, FIRST_KNOT))
        assert (shares > 0).sum() <= 2


def test_marks_of_a_face_blend_both_ways() -> None:
    terms = np.zeros(NUM_ARM_TERMS)
    for one_way, other in ((0.0, -1.0), (0.3, 0.25), (0.85, -0.6), (1.0, 1.0)):
        assert solid_terms((0.0, 1.0, 0.0), 0.5, (one_way, other), terms) == NUM_ARM_TERMS
        strips = terms[NUM_TERMS:].reshape(3, NUM_KNOTS)
        assert strips.sum() == pytest.approx(1.0)
        assert strips.sum(axis=0) @ np.linspace(0, 1, NUM_KNOTS) == pytest.approx(one_way)
        assert strips.sum(axis=1) @ [-1, 0, 1] == pytest.approx(other)
    assert solid_terms((0.0, 1.0, 0.0), 0.5, (-1.0, 0.0), terms) == NUM_TERMS


def test_marks_of_the_rod_blend_and_end() -> None:
    terms = np.zeros(NUM_ARM_TERMS)
    for share, up in ((0.0, 0.5), (0.4, -0.3), (1.0, 1.0), (2.0, 0.7)):
        rod_marks(share, up, terms)
        marks, lit = terms[NUM_BALL_TERMS:].reshape(2, NUM_KNOTS)
        assert marks @ np.linspace(0, 1, NUM_KNOTS) == pytest.approx(min(share, 1.0))
        assert marks.sum() == pytest.approx(1.0)
        np.testing.assert_allclose(lit, up * marks)


def test_the_floor_reflects_the_column_below_its_foot() -> None:
    look = look_named("standin_real")
    paint = look.paint._replace(mirror=np.ones_like(look.paint.mirror))
    scene, lamps = look.scene, look.lamps._replace(strengths=np.zeros(2))
    factors = np.array([[0, 2, 0, 2, 0, 20, 3]])
    dark, lit = (
        shade_scenes(
            look._replace(lamps=lamps, paint=each),
            factors[:, 1:4],
            poses(scene, factors[:, 3], factors[:, 5:], (40, 40)),
        )[0]
        for each in (paint._replace(mirror=np.zeros_like(paint.mirror)), paint)
    )
    added = (lit - dark)[..., 0]
    rows, columns = np.nonzero(added > 0.1)
    foot_row = np.nonzero(dark[..., 6] < 0.99)[0].max()
    assert rows.min() > foot_row - 4
    assert rows.max() == 63  # the streak goes on towards the camera
    assert np.average(columns, weights=added[rows, columns]) == pytest.approx(31.5, abs=2)


def test_a_place_of_the_column_is_reflected_at_its_height() -> None:
    look = look_named("standin_real")
    scene, into = look.scene, np.empty(NUM_MIRROR_TERMS)
    load = load_of(scene, 0, 0, poses(scene, np.array([2]), np.array([[20, 3]]), (40, 40))[0])
    origin = camera_vectors(scene.cameras)[2, 0]
    for height, part in ((0.1, 1.0), (0.5, 1.0), (0.9, 1.0), (1.1, 0.0), (-0.1, 0.0)):
        way = np.array([0.0, 0.0, -height * scene.column[4]]) - origin
        reflection(scene, load, tuple(origin), tuple(way / np.linalg.norm(way)), into)
        np.testing.assert_allclose(into, part * np.tile([1, height, height**2], 2), atol=1e-9)


def test_the_plate_may_lie_beside_the_column() -> None:
    look = look_named("standin_real")
    moved = look.scene._replace(plate=look.scene.plate + np.array([0.0, 0.2, 0.0]))
    middles = [
        np.argwhere(backdrop_terms(scene, 0)[:, :, PLATE, :NUM_KNOTS].any(axis=2)).mean(axis=0)
        for scene in (look.scene, moved)
    ]
    (down, right) = middles[1] - middles[0]
    assert abs(down) < 0.3
    assert abs(right) > 2


def test_the_ring_shines_on_the_plate_in_its_own_way() -> None:
    look = look_named("standin_real")
    plate = backdrop_terms(look.scene, 2)[:, :, PLATE, :NUM_KNOTS].any(axis=2)
    dim, bright = backdrop_of(look, 2)[[0, 1]]
    changed = look._replace(paint=look.paint._replace(plate=look.paint.plate[:, [1, 1, 2]]))
    assert (bright - dim)[plate].max() > 20
    shown = backdrop_of(changed, 2)[0]
    far = ~binary_dilation(plate, np.ones((3, 3), bool))
    np.testing.assert_allclose(shown[far], dim[far])
    assert np.abs(shown - dim)[plate].max() > 20


def test_flat_shapes_have_unit_normals_that_face_away_from_the_middle() -> None:
    np.testing.assert_allclose(np.linalg.norm(PLANES[..., :3], axis=-1), 1.0, atol=1e-12)
    assert (PLANES[..., 3] > 0).all()
