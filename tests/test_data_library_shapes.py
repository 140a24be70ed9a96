"""3D Shapes is read from the library's file and from the one that is published."""

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from submission.data.images import open_images
from submission.data.library.sets import open_library_set
from submission.errors import InputError
from tests.library_sets import KNOWN, html, library_loaders, small

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def library() -> Any:
    return library_loaders()


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
