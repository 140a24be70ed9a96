"""Stand-in images and files: what is the same, what differs, and how they are calibrated."""

import functools
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from submission import files
from submission.data.catalogue import STANDIN_NAMES, full_grid
from submission.data.standin import render
from submission.data.standin.look import look_named
from submission.data.standin.render import render_file, render_images
from submission.data.standin.scene import poses, standin_space
from submission.data.standin.shade import OBJECT_LIGHT, shade_scenes
from submission.errors import InputError, OutputError
from submission.factors import FactorSpace
from submission.files import sha256_of

Images = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

SIZES = (2, 3, 2, 3, 2, 3, 2)
SEED = 5


def sample(space: FactorSpace, num_images: int, seed: int = 0) -> IntArray:
    rng = np.random.default_rng(seed)
    return space.index_to_factors(rng.integers(space.num_points, size=num_images))


@functools.cache
def varied_images(domain: str) -> Images:
    """Renders 2000 points of the full grid."""
    space = standin_space(full_grid(domain), domain)
    return render_images(domain, space, sample(space, 2000))


@pytest.fixture(scope="module", params=STANDIN_NAMES)
def small_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("standin") / f"{request.param}.npz"
    render_file(request.param, SIZES, path, SEED)
    return path


def test_file_is_an_uncompressed_npz_of_images_and_sizes(small_file: Path) -> None:
    with np.load(small_file, allow_pickle=False) as content:
        assert content.files == ["images", "factor_sizes", "renderer_version"]
        assert content["images"].dtype == np.uint8
        assert content["images"].shape == (432, 64, 64, 3)
        assert content["factor_sizes"].dtype == np.int64
        assert tuple(content["factor_sizes"]) == SIZES
    with zipfile.ZipFile(small_file) as archive:
        assert archive.testzip() is None
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


def test_every_row_of_a_file_is_the_image_of_its_factors(small_file: Path) -> None:
    space = standin_space(SIZES, small_file.stem)
    factors = np.indices(SIZES).reshape(7, -1).T  # row-major, last factor fastest
    order = np.random.default_rng(1).permutation(len(factors))
    images = np.load(small_file, allow_pickle=False)["images"]
    np.testing.assert_array_equal(
        render_images(small_file.stem, space, factors[order], SEED), images[order]
    )


def test_pieces_smaller_than_a_scene_batch_change_nothing(
    small_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "SCENES_AT_ONCE", 4)
    render_file(small_file.stem, SIZES, tmp_path / "again.npz", SEED)
    assert sha256_of(tmp_path / "again.npz") == sha256_of(small_file)
    space = standin_space(SIZES, small_file.stem)
    factors = sample(space, 30)
    few = render_images(small_file.stem, space, factors, SEED)
    monkeypatch.undo()
    many = render_images(small_file.stem, space, factors, SEED)
    np.testing.assert_array_equal(few, many)


IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
import numba
from submission.data.standin.render import render_file
assert numba.get_num_threads() == int(sys.argv[1])
sizes = tuple(map(int, sys.argv[3].split(",")))
for domain in sys.argv[4:]:
    render_file(domain, sizes, Path(sys.argv[2]) / f"{domain}.npz", 5)
"""


@pytest.mark.parametrize("num_threads", ["1", "3"])
def test_bytes_do_not_depend_on_process_or_threads(num_threads: str, tmp_path: Path) -> None:
    sizes = (2, 2, 1, 3, 2, 3, 2)
    arguments = [num_threads, str(tmp_path), ",".join(map(str, sizes)), *STANDIN_NAMES]
    subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, *arguments],
        env={**os.environ, "NUMBA_NUM_THREADS": num_threads},
        cwd=Path(__file__).parents[1],
        check=True,
    )
    for domain in STANDIN_NAMES:
        render_file(domain, sizes, tmp_path / "here.npz", SEED)
        assert sha256_of(tmp_path / "here.npz") == sha256_of(tmp_path / f"{domain}.npz")


def test_only_looks_with_noise_depend_on_the_seed() -> None:
    still = {"standin_toy", "standin_realistic"}
    for domain in STANDIN_NAMES:
        space = standin_space(full_grid(domain), domain)
        factors = sample(space, 8)
        one, other = (render_images(domain, space, factors, seed) for seed in (0, 1))
        assert (one != other).any() == (domain not in still)


def test_a_colour_changes_the_object_and_nothing_else() -> None:
    space, look = standin_space(), look_named("standin_toy")
    base = sample(space, 12)
    frames = poses(look.scene, base[:, 3], base[:, 5:], (40, 40))
    light = np.abs(shade_scenes(look, np.ascontiguousarray(base[:, 1:4]), frames))
    covered = light[..., OBJECT_LIGHT : OBJECT_LIGHT + 3].max(axis=-1)  # (12, 64, 64)
    base[:, 0] = 0
    first = render_images("standin_toy", space, base).astype(int)
    for color in range(1, 6):
        base[:, 0] = color
        changed = (render_images("standin_toy", space, base) != first).any(axis=-1)
        assert not changed[covered == 0].any()
        assert changed[covered > 0.5].all()
    assert 0.001 < (covered > 0).mean() < 0.2


def test_the_ring_colour_changes_the_ring_and_nothing_else() -> None:
    space = standin_space()
    base = sample(space, 12)
    images = []
    for ring in range(3):
        base[:, 4] = ring
        images.append(render_images("standin_toy", space, base).astype(int))
    changed = (images[1] != images[0]).any(axis=-1)
    assert 0.01 < changed.mean() < 0.25
    assert not changed[:, -8:].any()


@pytest.mark.parametrize("factor", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("domain", STANDIN_NAMES)
def test_every_value_of_every_factor_looks_different(domain: str, factor: int) -> None:
    space = standin_space((*full_grid(domain)[:5], 9, 9), domain)
    factors = np.tile([2, 1, 1, 1, 1, 3, 2], (space.sizes[factor], 1))
    factors[:, factor] = np.arange(space.sizes[factor])
    images = render_images(domain, space, factors).astype(np.float64)
    distances = np.abs(images[:, None] - images[None]).max(axis=(2, 3, 4))
    assert distances[~np.eye(len(images), dtype=bool)].min() > 40


@pytest.mark.parametrize("domain", ["standin_toy", "standin_realistic"])
def test_ends_of_the_axes_are_the_same_in_every_grid(domain: str) -> None:
    coarse, fine = standin_space((1, 2, 1, 3, 1, 2, 3)), standin_space()
    factors = sample(coarse, 20)
    factors[:, 6] = factors[:, 6] // 2 * 2
    there = factors.copy()
    there[:, 5] *= 39
    there[:, 6] = there[:, 6] // 2 * 39
    np.testing.assert_array_equal(
        render_images(domain, coarse, factors), render_images(domain, fine, there)
    )


def test_large_objects_cover_more_than_small_ones() -> None:
    space = standin_space()
    factors = np.tile([2, 0, 0, 1, 0, 12, 5], (12, 1))
    factors[:, 1], factors[:, 2] = np.arange(12) // 2, np.arange(12) % 2
    images = render_images("standin_toy", space, factors).astype(int)
    red = (images[..., 0] - images[..., 1] > 60).sum(axis=(1, 2)).reshape(6, 2)
    assert (red[:, 1] > 1.2 * red[:, 0]).all()


CHANNELS = {  # mean and deviation of the published MPI3D sets, red, green and blue, from 0 to 1
    "standin_toy": ((0.224, 0.221, 0.226), (0.069, 0.063, 0.076)),
    "standin_realistic": ((0.180, 0.205, 0.181), (0.087, 0.093, 0.092)),
    "standin_real": ((0.128, 0.165, 0.140), (0.093, 0.092, 0.103)),
}


@pytest.mark.parametrize("domain", CHANNELS)
def test_channels_have_the_published_mean_and_deviation(domain: str) -> None:
    levels = varied_images(domain) / 255.0
    mean, deviation = CHANNELS[domain]
    np.testing.assert_allclose(levels.mean(axis=(0, 1, 2)), mean, atol=0.01)
    np.testing.assert_allclose(levels.std(axis=(0, 1, 2)), deviation, atol=0.02)


def test_real_domain_darkens_from_the_top_camera_to_the_bottom_one() -> None:
    views = sample(standin_space(), 2000)[:, 3]
    images = varied_images("standin_real")
    top, center, bottom = (images[views == k].mean(axis=(0, 1, 2)) for k in range(3))
    assert (top > center + 3).all()
    assert (center > bottom + 3).all()
    assert bottom[1] > bottom[0] + 5 < top[0]


def test_domains_look_different() -> None:
    toy, realistic, real = (varied_images(d)[:200].astype(np.float64) for d in CHANNELS)
    for one, other in ((toy, realistic), (toy, real), (realistic, real)):
        assert np.abs(one - other).mean() > 5


def test_an_interrupted_render_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "standin_toy.npz"
    path.write_bytes(b"earlier")
    calls = 0

    def stop_later(*args: object) -> Images:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise KeyboardInterrupt
        return np.zeros((6, 64, 64, 3), dtype=np.uint8)

    monkeypatch.setattr(render, "develop", stop_later)
    with pytest.raises(KeyboardInterrupt):
        render_file("standin_toy", SIZES, path)
    assert [p.name for p in tmp_path.iterdir()] == ["standin_toy.npz"]
    assert path.read_bytes() == b"earlier"
    path.unlink()
    with pytest.raises(KeyboardInterrupt):
        render_file("standin_toy", SIZES, path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_too_large_for_the_disk_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = 432 * 64 * 64 * 3
    monkeypatch.setattr(files, "_free", lambda folder: needed)
    monkeypatch.setattr(render, "shade_scenes", None)
    with pytest.raises(OutputError, match=rf"standin_toy\.npz.*{needed:,} bytes are free"):
        render_file("standin_toy", SIZES, tmp_path / "standin_toy.npz")
    assert list(tmp_path.iterdir()) == []


def test_two_renderings_of_one_file_do_not_meet(tmp_path: Path) -> None:
    refused = pytest.raises(InputError, match=f"{tmp_path}.*the first rendering")
    with files.locked(tmp_path, "the first rendering"), refused:
        render_file("standin_toy", SIZES, tmp_path / "standin_toy.npz")


def test_mistakes_are_named(tmp_path: Path) -> None:
    space = standin_space()
    point = np.zeros((1, 7), dtype=np.int64)
    with pytest.raises(ValueError, match="expected one of standin_toy"):
        render_images("mpi3d_toy", space, point)
    with pytest.raises(ValueError, match="expected one of standin_toy"):
        render_file("toy", SIZES, tmp_path / "toy.npz")
    with pytest.raises(ValueError, match="expected seven factor sizes"):
        render_file("standin_toy", (9, 9), tmp_path / "toy.npz")
    with pytest.raises(ValueError, match="expected the factors"):
        render_images("standin_toy", FactorSpace(tuple("abcdefg"), space.sizes), point)
    with pytest.raises(ValueError, match="expected factor values"):
        render_images("standin_toy", space, point + 2)
    with pytest.raises(ValueError, match="expected a seed"):
        render_images("standin_toy", space, point, seed=-1)
    assert list(tmp_path.iterdir()) == []


def test_no_points_give_no_images() -> None:
    nothing = np.zeros((0, 7), dtype=np.int64)
    assert render_images("standin_toy", standin_space(), nothing).shape == (0, 64, 64, 3)
