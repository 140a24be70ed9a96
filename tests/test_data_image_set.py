"""An image set follows its file: changes are noticed, and worker processes open it themselves."""

import multiprocessing
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from submission.data.image_set import ImageSet
from submission.data.images import open_images

SIZES = (2, 1, 2, 1, 3, 2, 4)


def write(path: Path, seed: int = 0) -> None:
    shape = (int(np.prod(SIZES)), 64, 64, 3)
    images = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    np.savez(path, images=images, factor_sizes=np.array(SIZES))


@pytest.fixture
def image_set(tmp_path: Path) -> ImageSet:
    (tmp_path / "standin_toy").mkdir()
    write(tmp_path / "standin_toy/standin_toy.npz")
    return open_images("standin_toy", tmp_path)


def test_a_file_that_is_left_alone_is_unchanged(image_set: ImageSet) -> None:
    image_set.require_unchanged()
    image_set.path.read_bytes()
    image_set.require_unchanged()


def overwritten_in_place(path: Path) -> None:
    with path.open("rb+") as file:
        file.seek(5000)
        file.write(b"other")


def replaced(path: Path) -> None:
    write(path.with_name("other.npz"), seed=1)
    path.with_name("other.npz").replace(path)


def removed(path: Path) -> None:
    path.unlink()


def touched_back(path: Path) -> None:
    """Replaces the file by one of equal length and equal time of change."""
    status = path.stat()
    replaced(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [overwritten_in_place, replaced, removed, touched_back])
def test_a_file_that_changed_is_refused_at_the_end(
    change: Callable[[Path], None], image_set: ImageSet
) -> None:
    change(image_set.path)
    with pytest.raises(ValueError, match=rf"{image_set.path} (changed|was removed).*again"):
        image_set.require_unchanged()


def test_the_hash_is_of_the_file_that_was_opened(image_set: ImageSet) -> None:
    replaced(image_set.path)
    with pytest.raises(ValueError, match="changed"):
        _ = image_set.sha256


def seen_by_a_worker(image_set: ImageSet, index: int) -> tuple[int, bool]:
    base: object = image_set.images
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    return int(image_set.images[index].sum()), isinstance(base, np.memmap)


def test_workers_map_the_file_themselves(image_set: ImageSet) -> None:
    assert len(pickle.dumps(image_set)) < 2000
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.starmap(seen_by_a_worker, [(image_set, index) for index in (0, 7, 95)])
    assert found == [(int(image_set.images[index].sum()), True) for index in (0, 7, 95)]


def test_a_worker_refuses_a_file_that_changed(image_set: ImageSet) -> None:
    content = pickle.dumps(image_set)
    replaced(image_set.path)
    with pytest.raises(ValueError, match="changed"):
        pickle.loads(content)


def test_images_in_memory_are_pickled_with_the_set(image_set: ImageSet) -> None:
    images = np.array(image_set.images)
    again = pickle.loads(pickle.dumps(ImageSet("made", Path(), images, image_set.space)))
    np.testing.assert_array_equal(again.images, images)
    again.require_unchanged()


def test_channels_first_and_floating_point_are_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "standin_toy").mkdir()
    path = tmp_path / "standin_toy/standin_toy.npz"
    images = np.zeros((96, 3, 64, 64), np.uint8)
    np.savez(path, images=images, factor_sizes=np.array(SIZES))
    with pytest.raises(ValueError, match=rf"{path}.*96, 3, 64, 64.*last axis"):
        open_images("standin_toy", tmp_path)
    levels = np.zeros((96, 64, 64, 3), np.float32)
    np.savez(path, images=levels, factor_sizes=np.array(SIZES))
    with pytest.raises(ValueError, match=rf"{path}.*float32.*as uint8"):
        open_images("standin_toy", tmp_path)
