"""A look is found again from its own renders, and sheets show what differs."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from experiments.commands import experiments
from experiments.fit.camera_fit import CameraFit
from experiments.fit.complete import completed
from experiments.fit.descent import descend
from experiments.fit.design import chosen_pixels
from experiments.fit.ground import still_images
from experiments.fit.judge import judge, rendered
from experiments.fit.objects import fit_objects
from experiments.fit.parameters import Parameter, moved
from experiments.fit.places import fit_places
from experiments.fit.sheet import draw_sheet
from experiments.fit.solid import Solids, seen, solid_pixels, solve_solids
from experiments.fit.solve import robust, solved
from experiments.fit.split import Shots, read_shots
from submission.data.catalogue import STANDIN_NAMES, full_grid
from submission.data.standin.look import Look, look_named
from submission.data.standin.raycast import COLUMN
from submission.data.standin.terms import FACING, NUM_ARM_TERMS, NUM_KNOTS, NUM_TERMS
from submission.errors import InputError


def own_shots(look: Look, num_images: int) -> Shots:
    random = np.random.default_rng(0)
    factors = random.integers(0, full_grid(look.name), (num_images, 7))
    factors[:, 1] = 2  # cylinders
    factors[:, 3] = np.arange(num_images) % 3
    blank = np.zeros((num_images, 64, 64, 3), dtype=np.uint8)
    every = np.ones(num_images, dtype=bool)
    shots = Shots(blank, factors, every, every)
    return replace(shots, images=rendered(look, shots))


def test_measures_are_found_again_from_own_renders() -> None:
    true = look_named("standin_real")
    shots = own_shots(true, 21)
    parameters = [
        Parameter("scene", "extents", (2, 1, 0), 0.005, 0.04),
        Parameter("scene", "axes", (1, 0), 0.3, 4.0, 1),
    ]
    changes = (-0.03, 3.0)
    start = moved(true, parameters, changes)
    fits = [
        CameraFit(still_images(start, shots, view), solid_pixels(start, shots, view, 20.0))
        for view in range(3)
    ]
    told: list[str] = []
    found = descend(start, parameters, lambda look, v: fits[v].solve(look), 8, told.append)
    for parameter, change in zip(parameters, changes, strict=True):
        assert parameter.value(found) == pytest.approx(
            parameter.value(true), abs=0.25 * abs(change)
        )
    assert told


def test_size_and_turn_of_an_object_are_found_again_alone() -> None:
    true = look_named("standin_real")
    shots = own_shots(true, 12)
    factors = shots.factors.copy()
    factors[:, 1:3] = [3, 1]
    factors[:2, 1:3] = [1, 0]  # too few to fit
    shots = replace(shots, factors=factors)
    shots = replace(shots, images=rendered(true, shots))
    changes = (("extents", (3, 1, 0), 0.03), ("extents", (3, 1, 1), -0.02), ("spins", (3, 1), 20.0))
    parameters = [Parameter("scene", field, index, 1.0, 1.0) for field, index, _ in changes]
    start = moved(true, parameters, [change for *_, change in changes])
    told: list[str] = []
    found = fit_objects(start, shots, told.append)
    for parameter, (*_, change) in zip(parameters, changes, strict=True):
        assert parameter.value(found) == pytest.approx(parameter.value(true), abs=abs(change) / 8)
    assert len(told) == 1


def test_angles_are_found_again_by_where_objects_are() -> None:
    true = look_named("standin_toy")
    shots = own_shots(true, 90)
    parameters = [Parameter("scene", "axes", (view, 3), 1.0, 1.0) for view in range(3)]
    start = moved(true, parameters, [4.0] * 3)  # the azimuth begins later
    told: list[str] = []
    found = fit_places(start, shots, told.append)
    before, after = (judge(look, shots, rendered(look, shots)) for look in (start, found))
    far, near = (np.nanmedian(np.hypot(*verdict.offsets.T)) for verdict in (before, after))
    assert near < 0.12 < far / 4
    np.testing.assert_allclose(found.scene.axes[:, 3], true.scene.axes[:, 3], atol=0.8)
    assert told


@pytest.mark.parametrize("name", STANDIN_NAMES)
def test_what_is_fitted_is_what_is_rendered(name: str) -> None:
    look = look_named(name)
    shots = own_shots(look, 24)
    for view in range(3):
        own = shots.where(shots.factors[:, 3] == view)
        pixels = chosen_pixels(np.ones(own.images.shape[:3], dtype=bool))
        solids = Solids(view, own.factors, pixels, own.images.reshape(-1, 3).astype(float), 1.0)
        levels = np.clip(seen(look, solids, solids.behind(look)), 0, 255)
        assert np.abs(levels - solids.levels).max() < 1


def test_a_look_is_no_different_from_its_own_renders() -> None:
    look = look_named("standin_real")
    shots = own_shots(look, 12)
    same = judge(look, shots, rendered(look, shots))
    assert same.levels.max() == 0
    assert np.nanmax(np.abs(same.offsets)) == 0
    wide = moved(
        look, [Parameter("scene", "extents", (2, k, 0), 0.01, 1) for k in (0, 1)], (0.1, 0.1)
    )
    verdict = judge(wide, shots, rendered(wide, shots))
    assert verdict.levels.min() > 0
    assert np.nanmedian(verdict.areas) > 1.2
    assert np.nanmean(verdict.of_solids) > 4 * verdict.levels.mean()


def test_a_plate_under_a_ring_that_no_image_shows_is_like_the_others() -> None:
    look = look_named("standin_real")
    shots = own_shots(look, 90)
    shots.factors[:, 4] %= 2
    shots = replace(shots, images=rendered(look, shots))
    own = shots.where(np.arange(90) < 24)
    dark = look._replace(paint=look.paint._replace(plate=np.zeros_like(look.paint.plate)))
    for view in range(3):
        solved_look, _ = solve_solids(dark, solid_pixels(look, own, view, 20.0))
        levels = solved_look.paint.plate[view, :, :NUM_KNOTS].mean(axis=(1, 2))
        assert levels[2] == pytest.approx(levels[:2].mean(), rel=0.1)
    plate = completed(dark._replace(paint=look.paint), shots, []).paint.plate
    np.testing.assert_array_equal(plate[:, :2], look.paint.plate[:, :2])
    for view in range(3):
        counts = np.bincount(shots.factors[shots.factors[:, 3] == view, 4])
        mean = np.average(look.paint.plate[view, :2], axis=0, weights=counts)
        np.testing.assert_allclose(plate[view, 2], mean)


def test_a_flat_column_has_edges_of_one_shade() -> None:
    look = look_named("standin_real")
    shots = own_shots(look, 24)
    edges = np.r_[
        FACING, NUM_TERMS : NUM_TERMS + NUM_KNOTS, NUM_ARM_TERMS - NUM_KNOTS : NUM_ARM_TERMS
    ]
    sizes = []
    for flat in (False, True):
        painted, _ = solve_solids(look, solid_pixels(look, shots, 1, 20.0, flat=flat))
        sizes.append(np.abs(painted.paint.arm[1, COLUMN][edges]).mean())
    assert sizes[1] < sizes[0] / 2


def test_outliers_hardly_count() -> None:
    matrix = np.ones((20, 1))
    target = np.array([5.0] * 19 + [200.0])
    answer = solved(matrix, target, robust(target - 5.0, 2.0), 0.0)
    assert answer.solution[0] == pytest.approx(5.0, abs=0.6)
    assert np.abs(answer.left_over(answer.matrix[:, 0])).max() < 1e-3


def sample_file(path: Path) -> Path:
    shots = own_shots(look_named("standin_real"), 10)
    factors = shots.factors.copy()
    factors[0, 5] = -1
    np.savez(path, images=shots.images, labels=factors, domain=np.full(10, "real"))
    return path


def test_images_are_split_in_fixed_halves(tmp_path: Path) -> None:
    path = sample_file(tmp_path / "sample.npz")
    shots, again = read_shots(path, "real"), read_shots(path, "real")
    assert len(shots.images) == 9
    assert 0 < shots.fits.sum() < 9
    np.testing.assert_array_equal(shots.fits, again.fits)
    with pytest.raises(InputError, match=r"toy.*sample.npz.*real"):
        read_shots(path, "toy")


def test_a_sheet_shows_images_renders_and_differences(tmp_path: Path) -> None:
    path, output = sample_file(tmp_path / "sample.npz"), tmp_path / "sheets"
    arguments = ["sheet", str(path), "--domain", "real", "--output", str(output)]
    assert CliRunner().invoke(experiments, arguments, catch_exceptions=False).exit_code == 0
    with Image.open(output / "real.png") as picture:
        assert picture.size == (12 * 64 * 2, 3 * 64 * 2)
    black, grey = np.zeros((1, 64, 64, 3), np.uint8), np.full((1, 64, 64, 3), 30, np.uint8)
    sheet = np.asarray(Image.open(io.BytesIO(draw_sheet(grey, black))))
    assert [int(sheet[128 * k + 9, 9, 0]) for k in range(3)] == [45, 0, 218]
