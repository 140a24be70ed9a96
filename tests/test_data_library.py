"""The library's other sets come out as its own loaders read them, as 8-bit RGB."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from submission.data.ground_truth import as_ground_truth
from submission.data.image_set import ImageSet
from submission.data.images import DATASET_NAMES, open_images
from submission.data.library.sets import open_library_set, to_levels
from submission.errors import InputError
from tests.library_sets import KNOWN, html, library_loaders, small

RANDOM = np.random.default_rng(0)
SPRITE_SIZES = (3, 2, 2, 2, 2)
SPRITES = RANDOM.integers(0, 2, (48, 64, 64), dtype=np.uint8)


@pytest.fixture(scope="module")
def library() -> Any:
    return library_loaders()


class Unpickled:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return exec, ("raise SystemExit('unpickled')",)


def sprites_file(folder: Path, metadata: object) -> Path:
    path = folder / KNOWN["dsprites_full"].sources[0]
    path.parent.mkdir(parents=True)
    np.savez_compressed(path, imgs=SPRITES, metadata=np.array(metadata, dtype=object))
    return path


def painting(folder: Path) -> npt.NDArray[np.uint8]:
    pixels = RANDOM.integers(0, 256, (90, 100, 3), dtype=np.uint8)
    (folder / "scream").mkdir()
    Image.fromarray(pixels).save(folder / "scream" / "scream.jpg", quality=95)
    return pixels


def all_channels_equal(images: npt.NDArray[np.uint8]) -> bool:
    return bool((images == images[..., :1]).all())


def test_every_name_of_the_library_is_known(library: Any) -> None:
    for name in KNOWN:
        assert name in DATASET_NAMES
    with pytest.raises(ValueError, match="Invalid data set name"):
        library["named_data"].get_named_ground_truth_data("unknown")


@pytest.mark.parametrize("name", ["dsprites_full", "dsprites_noshape"])
def test_sprites_are_those_of_the_library(
    name: str, library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sprites_file(tmp_path, {"latents_sizes": np.array([1, *SPRITE_SIZES])})
    image_set = open_library_set(small(name, SPRITE_SIZES), tmp_path)
    monkeypatch.setattr(library["dsprites"], "DSPRITES_PATH", str(path))
    there = library["dsprites"].DSprites([1, 2, 3, 4, 5])
    factors = image_set.space.index_to_factors(np.arange(48))
    observations = there.sample_observations_from_factors(factors, np.random.RandomState(0))
    np.testing.assert_array_equal(image_set.images[..., :1], observations * 255)
    assert image_set.images.dtype == np.uint8
    assert all_channels_equal(image_set.images)
    assert image_set.hidden == (("shape",) if name == "dsprites_noshape" else ())
    assert as_ground_truth(image_set).num_factors == 5 - len(image_set.hidden)


def test_sprites_are_never_unpickled(tmp_path: Path) -> None:
    sprites_file(tmp_path, Unpickled())
    image_set = open_library_set(small("dsprites_full", SPRITE_SIZES), tmp_path)
    np.testing.assert_array_equal(image_set.images[..., 0], SPRITES * 255)


@pytest.mark.parametrize("name", ["color_dsprites", "noisy_dsprites", "scream_dsprites"])
def test_sprites_in_colour_follow_from_their_index(name: str, tmp_path: Path) -> None:
    sprites_file(tmp_path, {})
    painting(tmp_path)
    known = small(name, SPRITE_SIZES)
    first = np.array(open_library_set(known, tmp_path).images)
    (tmp_path / name / f"{name}.npz").unlink()
    again = open_library_set(known, tmp_path).images
    np.testing.assert_array_equal(first, again)
    assert first.shape == (48, 64, 64, 3)
    assert not all_channels_equal(first)
    on = SPRITES == 1
    if name == "color_dsprites":
        assert first[~on].max() == 0
        assert first[on].min() >= 127
    if name == "noisy_dsprites":
        assert first[on].min() == 255
        assert 100 < first[~on].mean() < 155


def test_a_set_is_converted_once_and_again_when_its_source_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sprites_file(tmp_path, {})
    known = small("dsprites_full", SPRITE_SIZES)
    open_library_set(known, tmp_path)
    assert "converting 48 images once" in capsys.readouterr().out
    open_library_set(known, tmp_path)
    assert capsys.readouterr().out == ""
    np.savez_compressed(path, imgs=1 - SPRITES)
    changed = open_library_set(known, tmp_path)
    np.testing.assert_array_equal(changed.images[..., 0], (1 - SPRITES) * 255)


def test_sprites_of_another_number_are_refused(tmp_path: Path) -> None:
    sprites_file(tmp_path, {})
    with pytest.raises(ValueError, match=r"expected uint8 imgs of shape \(737280, 64, 64\)"):
        open_images("dsprites_full", tmp_path)


def test_a_small_painting_is_refused(tmp_path: Path) -> None:
    sprites_file(tmp_path, {})
    (tmp_path / "scream").mkdir()
    Image.new("RGB", (60, 60)).save(tmp_path / "scream" / "scream.jpg")
    with pytest.raises(ValueError, match="more than 64x64"):
        open_library_set(small("scream_dsprites", SPRITE_SIZES), tmp_path)


def test_a_painting_that_is_no_picture_is_named(tmp_path: Path) -> None:
    sprites_file(tmp_path, {})
    (tmp_path / "scream").mkdir()
    html(tmp_path / "scream" / "scream.jpg")
    with pytest.raises(InputError, match=r"a picture in .*/scream\.jpg, got"):
        open_library_set(small("scream_dsprites", SPRITE_SIZES), tmp_path)


def test_a_file_in_a_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cars").touch()
    with pytest.raises(InputError, match=r"expected a folder at .*/cars .*got a file"):
        open_images("cars3d", tmp_path)
    (tmp_path / KNOWN["dsprites_full"].sources[0]).mkdir(parents=True)
    with pytest.raises(InputError, match=r"expected a file at .*\.npz .*got a folder"):
        open_images("dsprites_full", tmp_path)


def test_dummy_data_is_noise_that_repeats(tmp_path: Path) -> None:
    def opened(folder: str) -> ImageSet:
        return open_images("dummy_data", tmp_path / folder)

    first, second = opened("a"), opened("b")
    assert first.images.shape == (3125, 64, 64, 3)
    assert first.sha256 == second.sha256
    assert all_channels_equal(first.images[:100])
    assert abs(first.images.mean() - 127.5) < 0.5
    assert np.ptp(first.images[:100].mean(axis=(1, 2, 3))) > 0


def test_missing_files_are_named(tmp_path: Path) -> None:
    for name, known in KNOWN.items():
        if known.sources:
            with pytest.raises(
                FileNotFoundError, match=f"expected .*{known.sources[0]} for {name}"
            ):
                open_images(name, tmp_path)


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(0, 255), min_size=1), st.sampled_from([np.float32, np.float64]))
def test_levels_survive_the_way_to_floating_point(levels: list[int], kind: type[Any]) -> None:
    pixels = np.array(levels, kind) / kind(255)
    assert to_levels(pixels).tolist() == levels


def test_pixels_are_rounded_clipped_or_refused() -> None:
    pixels = np.array([-0.1, 0.0019, 0.0021, 0.5, 1.1])
    assert to_levels(pixels).tolist() == [0, 0, 1, 128, 255]
    for bad in (
        np.array([0.0, 255.0]),
        np.array([-3.0, 0.0]),
        np.array([np.nan]),
        np.array([np.inf]),
    ):
        with pytest.raises(ValueError, match="expected pixels from 0 to 1"):
            to_levels(bad)
