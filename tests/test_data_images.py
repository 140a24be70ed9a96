"""Image sets are recognised and labelled right, and come as the library's interface."""

import hashlib
import io
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from submission.cli import main
from submission.data import images as module
from submission.data.catalogue import FACTOR_NAMES, RENDERER_VERSION
from submission.data.ground_truth import as_ground_truth
from submission.data.image_set import ImageSet
from submission.data.images import DATASET_NAMES, open_images
from submission.factors import FactorSpace
from tests.image_sets import LONG_AXES, rendered_images

SIZES = (2, 1, 2, 1, 3, 2, 4)


def hollow(path: Path, num_images: int) -> None:
    """Writes an uncompressed file of black images, which takes no room on the disk."""
    path.parent.mkdir(parents=True)
    content = io.BytesIO()
    cast(Any, np.lib.format).write_array_header_1_0(
        content, {"descr": "|u1", "fortran_order": False, "shape": (num_images, 64, 64, 3)}
    )
    info = zipfile.ZipInfo("images.npy")
    info.file_size = info.compress_size = len(content.getvalue()) + num_images * 64 * 64 * 3
    info.CRC = info.header_offset = 0
    with path.open("wb+") as file:
        file.write(info.FileHeader(zip64=True) + content.getvalue())
        file.seek(num_images * 64 * 64 * 3, 1)
        with zipfile.ZipFile(file, "w") as archive:
            archive.filelist.append(info)
            archive.NameToInfo[info.filename] = info


def rendered(
    folder: Path, name: str = "standin_toy", seed: int = 0, version: int = RENDERER_VERSION
) -> ImageSet:
    num_images = int(np.prod(SIZES))
    images = np.random.default_rng(seed).integers(0, 256, (num_images, 64, 64, 3), dtype=np.uint8)
    path = folder / name / f"{name}.npz"
    path.parent.mkdir(parents=True)
    arrays = {"factor_sizes": np.array(SIZES), "renderer_version": np.array(version)}
    np.savez(path, images=images, **arrays)
    return open_images(name, folder)


@pytest.mark.parametrize(
    ("name", "num_images", "sizes"),
    [
        ("mpi3d_toy", 1_036_800, (6, 6, 2, 3, 3, 40, 40)),
        ("mpi3d_realistic", 1_036_800, (6, 6, 2, 3, 3, 40, 40)),
        ("mpi3d_real", 1_036_800, (6, 6, 2, 3, 3, 40, 40)),
        ("mpi3d_toy", 460_800, (4, 4, 2, 3, 3, 40, 40)),
        ("mpi3d_realistic", 460_800, (4, 4, 2, 3, 3, 40, 40)),
        ("mpi3d_real_complex", 460_800, (4, 4, 2, 3, 3, 40, 40)),
    ],
)
def test_every_variant_is_recognised_by_name_and_length(
    name: str,
    num_images: int,
    sizes: tuple[int, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module._say_once.cache_clear()
    hollow(tmp_path / name / f"{name}.npz", num_images)
    image_set = open_images(name, tmp_path)
    assert image_set.images.shape == (num_images, 64, 64, 3)
    assert image_set.space == FactorSpace(FACTOR_NAMES, sizes)
    mislabelled = sizes[0] == 6 and name != "mpi3d_real"
    assert ("assumes 4 and 4" in capsys.readouterr().out) == mislabelled
    open_images(name, tmp_path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "num_images", "arithmetic"),
    [
        ("mpi3d_real", 460_800, r"6 x 6 x 2 x 3 x 3 x 40 x 40 = 1,036,800, got 460,800"),
        ("mpi3d_toy", 7, r"= 1,036,800 or 4 x 4 x 2 x 3 x 3 x 40 x 40 = 460,800, got 7;"),
        ("mpi3d_real_complex", 1_036_800, r"= 460,800, got 1,036,800"),
    ],
)
def test_other_lengths_are_refused_with_the_arithmetic(
    name: str, num_images: int, arithmetic: str, tmp_path: Path
) -> None:
    hollow(tmp_path / name / f"{name}.npz", num_images)
    with pytest.raises(ValueError, match=arithmetic):
        open_images(name, tmp_path)


@pytest.mark.parametrize("version", [None, RENDERER_VERSION - 1, RENDERER_VERSION + 1])
def test_a_stand_in_of_another_renderer_is_named(
    version: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if version is None:
        path = tmp_path / "standin_toy/standin_toy.npz"
        path.parent.mkdir()
        images = np.zeros((int(np.prod(SIZES)), 64, 64, 3), np.uint8)
        np.savez(path, images=images, factor_sizes=np.array(SIZES))
        open_images("standin_toy", tmp_path)
    else:
        rendered(tmp_path, version=version)
    (line,) = capsys.readouterr().out.splitlines()
    assert f"version {RENDERER_VERSION} " in line
    assert f"got {version or 1}" in line
    assert "--force" in line


def test_a_stand_in_says_its_own_grid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image_set = rendered(tmp_path)
    assert (image_set.name, image_set.space.sizes) == ("standin_toy", SIZES)
    assert image_set.path == tmp_path / "standin_toy" / "standin_toy.npz"
    assert image_set.sha256 == hashlib.sha256(image_set.path.read_bytes()).hexdigest()
    assert capsys.readouterr().out == ""
    assert rendered(tmp_path, "mpi3d_real").space.sizes == SIZES
    assert "stand-in under the name mpi3d_real, not MPI3D" in capsys.readouterr().out


def test_ground_truth_draws_what_the_library_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_set = rendered(tmp_path, "mpi3d_real")
    ours = as_ground_truth(image_set)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from disentanglement_lib.data.ground_truth import mpi3d, util
    monkeypatch.setenv("DISENTANGLEMENT_LIB_DATA", str(tmp_path))
    library = mpi3d.MPI3D("mpi3d_real")
    library.factor_sizes = list(SIZES)
    library.factor_bases = np.prod(SIZES) / np.cumprod(SIZES)
    library.state_space = util.SplitDiscreteStateSpace(list(SIZES), list(range(7)))

    assert isinstance(ours, mpi3d.ground_truth_data.GroundTruthData)
    assert ours.num_factors == library.num_factors == 7
    assert list(ours.factors_num_values) == list(library.factors_num_values)
    assert list(ours.observation_shape) == list(library.observation_shape)
    factors, observations = ours.sample(50, np.random.RandomState(3))
    factors_there, observations_there = library.sample(50, np.random.RandomState(3))
    np.testing.assert_array_equal(factors, factors_there)
    np.testing.assert_array_equal(observations, observations_there)
    assert observations.dtype == observations_there.dtype


def test_hidden_factors_are_drawn_and_not_reported(tmp_path: Path) -> None:
    full = rendered(tmp_path)
    image_set = ImageSet(full.name, full.path, full.images, full.space, ("object_color",))
    data = as_ground_truth(image_set)
    assert data.num_factors == 6
    assert data.factors_num_values == list(SIZES[1:])
    factors = np.zeros((40, 6), np.int64)
    observations = data.sample_observations_from_factors(factors, np.random.RandomState(0))
    assert len(np.unique(observations.reshape(40, -1), axis=0)) == 2


def test_ground_truth_is_pickled_by_path(tmp_path: Path) -> None:
    data = as_ground_truth(rendered(tmp_path))
    content = pickle.dumps(data)
    assert len(content) < 2000
    again = pickle.loads(content)
    for one, other in zip(
        data.sample(20, np.random.RandomState(1)),
        again.sample(20, np.random.RandomState(1)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_the_command_lists_checks_and_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mpi3d_real" / "mpi3d_real.npz"
    path.parent.mkdir()
    images = rendered_images("mpi3d_real", LONG_AXES)
    np.savez(path, images=images, factor_sizes=np.array(LONG_AXES))
    place = ["--folder", str(tmp_path)]
    (tmp_path / "mpi3d_toy").mkdir()
    (tmp_path / "mpi3d_toy" / "mpi3d_toy.npz").write_bytes(b"PK")
    assert main(["data", "list", *place]) == 0
    lines = {line.split(" ", 1)[0]: line for line in capsys.readouterr().out.splitlines()}
    assert set(DATASET_NAMES) <= set(lines)
    assert "2,2,1,2,1,9,7 (504 images)" in lines["mpi3d_real"]
    assert "here, 6," in lines["mpi3d_real"]
    assert "damaged: " in lines["mpi3d_toy"]
    assert "python -m submission data fetch mpi3d_realistic" in lines["mpi3d_realistic"]
    assert "not here; expected" in lines["cars3d"]

    assert main(["data", "check", "mpi3d_real", *place]) == 0
    assert "no fault was found in mpi3d_real" in capsys.readouterr().out
    sheet = tmp_path / "sheet.png"
    assert main(["data", "show", "mpi3d_real", *place, "--output", str(sheet)]) == 0
    assert sheet.read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    assert main(["data", "check", "mpi3d_toy", *place]) == 1
    assert "not a whole .npz file" in capsys.readouterr().err


def test_the_command_renders_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["data", "render", "standin_real", "--folder", str(tmp_path)]
    assert main([*command, "--grid", "2,1,1,1"]) == 1
    assert "expected seven sizes" in capsys.readouterr().err
    assert main([*command, "--grid", "2,1,1,1,1,2,2"]) == 0
    assert open_images("standin_real", tmp_path).space.sizes == (2, 1, 1, 1, 1, 2, 2)
    capsys.readouterr()
    assert main([*command, "--grid", "2,1,1,1,1,2,2"]) == 0
    assert "is here already" in capsys.readouterr().out
    for words in (["--grid", "1,1,1,1,1,2,2"], ["--grid", "2,1,1,1,1,2,2", "--seed", "1"]):
        assert main([*command, *words]) == 1
        assert "--force" in capsys.readouterr().err
    assert main([*command, "--grid", "1,1,1,1,1,2,2", "--force"]) == 0
    assert open_images("standin_real", tmp_path).space.sizes == (1, 1, 1, 1, 1, 2, 2)
