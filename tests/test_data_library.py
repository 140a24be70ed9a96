"""The library's other sets come out as its own loaders read them, as 8-bit RGB."""

import pickle
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from submission.data.ground_truth import as_ground_truth
from submission.data.image_set import ImageSet
from submission.data.images import DATASET_NAMES, open_images
from submission.data.library.loaders import library_modules
from submission.data.library.sets import LIBRARY_SETS, LibrarySet, open_library_set, to_levels
from submission.errors import InputError
from submission.factors import FactorSpace

RANDOM = np.random.default_rng(0)
KNOWN = LIBRARY_SETS
SPRITE_SIZES = (3, 2, 2, 2, 2)
SPRITES = RANDOM.integers(0, 2, (48, 64, 64), dtype=np.uint8)


@pytest.fixture(scope="module")
def library() -> Any:
    """The library's loaders; importing TensorFlow warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from disentanglement_lib.data.ground_truth import dsprites, named_data, shapes3d
    return {"dsprites": dsprites, "shapes3d": shapes3d, "named_data": named_data}


def small(name: str, sizes: tuple[int, ...]) -> LibrarySet:
    known = KNOWN[name]
    return replace(known, space=FactorSpace(known.space.names, sizes))


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


@pytest.mark.parametrize("packed", [False, True])
def test_shapes_are_those_of_the_library(
    packed: bool, library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = (1, 2, 1, 2, 4, 3)
    path = tmp_path / KNOWN["shapes3d"].sources[0]
    path.parent.mkdir()
    images = RANDOM.integers(0, 256, (*sizes, 64, 64, 3), dtype=np.uint8)
    save = np.savez_compressed if packed else np.savez
    save(path, images=images, labels=np.zeros((*sizes, 6)))
    image_set = open_library_set(small("shapes3d", sizes), tmp_path)
    monkeypatch.setattr(library["shapes3d"], "SHAPES3D_PATH", str(path))
    there = library["shapes3d"].Shapes3D()
    np.testing.assert_array_equal(image_set.images / np.float32(255), there.images)
    with pytest.raises(ValueError, match=r"expected 480,000 images in .*got 48"):
        open_images("shapes3d", tmp_path)


def test_cars_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Two cars: all 183 take 1.7 GB of the library's floating point."""
    (tmp_path / "cars").mkdir()
    azimuth, elevation = np.meshgrid(np.arange(24), np.arange(4), indexing="ij")
    for car in (9, 3):
        color = np.stack([10 * azimuth, 60 * elevation, np.full((24, 4), car)]).astype(np.uint8)
        pixels = np.broadcast_to(color, (80, 80, 3, 24, 4))
        scipy.io.savemat(tmp_path / "cars" / f"car_{car}.mat", {"im": pixels}, do_compression=True)
    with pytest.raises(ValueError, match=r"expected 183 \.mat files in .*, got 2"):
        open_images("cars3d", tmp_path)

    with library_modules(tmp_path) as modules:
        names = modules.cars3d.gfile.ListDirectory(modules.cars3d.CARS3D_PATH)
        mesh = modules.cars3d._load_mesh(names[1])
    assert names == ["car_3.mat", "car_9.mat"]
    assert mesh.shape == (96, 64, 64, 3)
    expected = np.stack([10 * azimuth.ravel(), 60 * elevation.ravel(), np.full(96, 9)], axis=1)
    np.testing.assert_array_equal(to_levels(mesh)[:, 5, 40], expected)
    assert not hasattr(Image, "ANTIALIAS")


def binary_matrix(path: Path, array: npt.NDArray[Any]) -> None:
    """Writes NORB's format: a mark of the type, the rank, at least three sizes, the elements."""
    mark = {"uint8": 507333717, "int32": 507333716}[array.dtype.name]
    sizes = [*array.shape, 1, 1, 1][: max(3, array.ndim)]
    path.write_bytes(np.array([mark, array.ndim, *sizes], np.int32).tobytes() + array.tobytes())


def test_toys_of_norb_keep_their_levels(tmp_path: Path) -> None:
    """Some toys of each file: all 48,600 take 3.2 GB of the library's floating point."""
    (tmp_path / "small_norb").mkdir()
    codes = np.arange(0, 256, 5, dtype=np.uint8)
    for name in KNOWN["smallnorb"].sources:
        contents = {
            "cat": codes.astype(np.int32) % 5,
            "info": np.stack([codes % 10, codes % 9, 2 * (codes % 18), codes % 6], axis=1),
            "dat": np.repeat(codes, 2 * 96 * 96).reshape(-1, 2, 96, 96),
        }
        kind = name.removesuffix(".mat").rsplit("-", 1)[1]
        binary_matrix(
            tmp_path / name, contents[kind] if kind == "dat" else contents[kind].astype(np.int32)
        )

    with library_modules(tmp_path) as modules:
        norb = modules.norb
        images, features = norb._load_small_norb_chunks(
            norb.SMALLNORB_TEMPLATE, norb.SMALLNORB_CHUNKS
        )
    levels = to_levels(images)
    assert levels.shape == (2 * len(codes), 64, 64)
    np.testing.assert_array_equal(
        levels, np.broadcast_to(np.tile(codes, 2)[:, None, None], levels.shape)
    )
    expected = np.stack([codes % size for size in (5, 10, 9, 18, 6)], axis=1)
    np.testing.assert_array_equal(features, np.tile(expected, (2, 1)))


def html(path: Path) -> None:
    path.write_text("<html><body>404 Not Found</body></html>" * 20)


def empty(path: Path) -> None:
    path.touch()


def other_key(path: Path) -> None:
    scipy.io.savemat(path, {"images": np.zeros((8, 8, 3, 24, 4), np.uint8)})


def other_shape(path: Path) -> None:
    scipy.io.savemat(path, {"im": np.zeros((8, 8, 3, 24, 2), np.uint8)})


def matlab_73(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        file["im"] = np.zeros((4, 24, 3, 8, 8), np.uint8)
    content = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    with path.open("rb+") as file:
        file.write(content)


@pytest.mark.parametrize("write", [html, empty, other_key, other_shape, matlab_73])
def test_a_car_that_cannot_be_read_is_named(write: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "cars").mkdir()
    for car in range(183):
        write(tmp_path / "cars" / f"car_{car:03}.mat")
    with pytest.raises(InputError, match=r"^expected .* in .*/cars/car_000\.mat, got[^\n]*$"):
        open_images("cars3d", tmp_path)


@pytest.mark.parametrize("write", [html, empty, matlab_73])
def test_a_file_of_norb_that_cannot_be_read_is_named(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    (tmp_path / "small_norb").mkdir()
    for name in KNOWN["smallnorb"].sources:
        write(tmp_path / name)
    with pytest.raises(InputError, match=rf"{KNOWN['smallnorb'].sources[0]}, got[^\n]*$"):
        open_images("smallnorb", tmp_path)


def test_norb_without_every_toy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "small_norb").mkdir()
    contents: dict[str, npt.NDArray[Any]] = {"dat": np.zeros((5, 2, 96, 96), np.uint8)}
    contents["cat"] = np.zeros(5, np.int32)
    contents["info"] = np.zeros((5, 4), np.int32)
    for name in KNOWN["smallnorb"].sources:
        binary_matrix(tmp_path / name, contents[name.removesuffix(".mat").rsplit("-", 1)[1]])
    with pytest.raises(InputError, match=r"every toy once in .*small_norb"):
        open_images("smallnorb", tmp_path)


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


SHAPES = (2, 1, 2, 2, 2, 3)


def shapes_file(folder: Path, **changes: Any) -> npt.NDArray[np.uint8]:
    """Writes 3dshapes.h5 with a small grid; the values of its labels are those of no index."""
    images = RANDOM.integers(0, 256, (48, 64, 64, 3), dtype=np.uint8)
    labels = 0.1 * np.indices(SHAPES).reshape(6, -1).T - 30
    path = folder / "3dshapes" / "3dshapes.h5"
    path.parent.mkdir()
    with h5py.File(path, "w") as file:
        for key, value in ({"images": images, "labels": labels} | changes).items():
            if value is not None:
                file.create_dataset(key, data=value, compression="gzip")
    return images


def test_shapes_are_read_from_the_file_that_is_published_today(tmp_path: Path) -> None:
    images = shapes_file(tmp_path)
    image_set = open_library_set(small("shapes3d", SHAPES), tmp_path)
    np.testing.assert_array_equal(image_set.images, images)
    assert image_set.path == tmp_path / "shapes3d" / "shapes3d.npz"
    again = pickle.loads(pickle.dumps(image_set))
    np.testing.assert_array_equal(again.images, images)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"images": None}, "images"),
        ({"labels": None}, "labels"),
        ({"images": np.zeros((48, 64, 64, 3), np.float32)}, "float32"),
        ({"images": np.zeros((48, 3, 64, 64), np.uint8)}, "48, 3, 64, 64"),
        ({"labels": np.zeros((48, 6))}, "another order"),
        ({"labels": np.indices(SHAPES[::-1]).reshape(6, -1).T[:, ::-1]}, "another order"),
    ],
)
def test_another_shapes_file_is_refused(
    changes: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    shapes_file(tmp_path, **changes)
    with pytest.raises(InputError, match=rf"3dshapes\.h5.*{expected}"):
        open_library_set(small("shapes3d", SHAPES), tmp_path)
    assert not (tmp_path / "shapes3d" / "shapes3d.npz").exists()


def test_a_page_in_place_of_the_shapes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "3dshapes").mkdir()
    html(tmp_path / "3dshapes" / "3dshapes.h5")
    with pytest.raises(InputError, match=r"3dshapes\.h5 .*fetch it again"):
        open_images("shapes3d", tmp_path)


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
