"""`data check` accepts what is sound and names what is not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from submission.cli import main
from submission.commands import data as command
from submission.data import check
from submission.data.axes import check_axes
from submission.data.catalogue import RENDERER_VERSION, STANDIN_NAMES, Variant, published_like
from submission.data.check import check_checksums, check_colors, sample_statistics
from submission.data.image_set import ImageSet
from submission.data.images import open_images
from submission.data.order import check_order
from submission.factors import FactorSpace
from tests.image_sets import ALL_VALUES, LONG_AXES, all_values, rendered_images, rendered_set

Images = npt.NDArray[np.uint8]
AXES = ("horizontal_axis", "vertical_axis")


def saved(folder: Path, name: str, sizes: tuple[int, ...]) -> Path:
    path = folder / name / f"{name}.npz"
    path.parent.mkdir(parents=True)
    arrays = {"factor_sizes": np.array(sizes), "renderer_version": np.array(RENDERER_VERSION)}
    np.savez(path, images=rendered_images(name, sizes), **arrays)
    return path


def test_sample_statistics_are_those_of_the_images() -> None:
    image_set = rendered_set("standin_real", LONG_AXES)
    found = sample_statistics(image_set)
    pixels = image_set.images / 255
    np.testing.assert_allclose(found.mean, pixels.mean(axis=(0, 1, 2)), atol=1e-12)
    np.testing.assert_allclose(found.std, pixels.std(axis=(0, 1, 2)), atol=1e-12)
    assert (found.num_images, found.num_flat) == (len(pixels), 0)


@pytest.mark.parametrize("name", ["mpi3d_toy", "mpi3d_realistic", "standin_real"])
def test_one_set_under_the_name_of_another_is_found(name: str) -> None:
    image_set = rendered_set(name, ALL_VALUES)
    assert "means and deviations within" in list(check_colors(image_set))[-1].text
    own = name.replace("standin", "mpi3d")
    for other in {"mpi3d_toy", "mpi3d_realistic", "mpi3d_real"} - {own}:
        with pytest.raises(ValueError, match=rf"channel (means|deviations) .* of {other} .*got"):
            list(check_colors(replace(image_set, name=other)))


def test_published_deviations_are_compared() -> None:
    image_set = rendered_set("mpi3d_toy", ALL_VALUES)
    mean = image_set.images.mean(axis=(0, 1, 2))
    pale = np.rint(mean + 0.5 * (image_set.images - mean)).astype(np.uint8)
    with pytest.raises(ValueError, match=r"channel deviations 0\.069.* of mpi3d_toy"):
        list(check_colors(replace(image_set, images=pale)))


def test_statistics_are_compared_with_grids_that_have_all_values_only() -> None:
    names = rendered_set("mpi3d_toy").space.names
    assert published_like("mpi3d_toy", FactorSpace(names, (6, 6, 2, 3, 3, 40, 40))) is not None
    assert published_like("mpi3d_toy", FactorSpace(names, (4, 4, 2, 3, 3, 40, 40))) is None
    assert published_like("standin_toy", FactorSpace(names, (6, 6, 2, 3, 3, 1, 1))) is None
    assert published_like("mpi3d_real_complex", FactorSpace(names, (4, 4, 2, 3, 3, 40, 40))) is None


def test_a_stretch_of_blank_images_is_found() -> None:
    image_set = rendered_set("standin_toy", LONG_AXES)
    images = image_set.images.copy()
    images[20:24] = 0
    with pytest.raises(ValueError, match=r"got 4 among .*render it again"):
        list(check_colors(replace(image_set, images=images)))
    blank = replace(image_set, images=images, name="mpi3d_toy", path=Path("mpi3d_toy.npz"))
    with pytest.raises(ValueError, match="fetch it again"):
        list(check_colors(blank))


@pytest.mark.parametrize(
    ("grid", "tells_axes"),
    [
        ("6,1,1,1,1,10,10", False),  # small white cones, seen from the top
        ("6,1,1,1,1,8,8", False),
        ("6,6,1,1,1,4,4", False),
        ("1,1,1,1,1,20,20", True),
        ("2,1,1,1,1,1,1", False),
        ("1,1,1,1,1,1,1", False),
    ],
)
def test_partial_grids_pass_and_what_was_not_tested_is_named(
    grid: str, tells_axes: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["standin_real", "--folder", str(tmp_path)]
    assert main(["data", "render", *place, "--grid", grid]) == 0
    assert main(["data", "check", *place]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert "standin_real; not tested, or only in part: statistics" in last
    assert ("axes" in last) != tells_axes


@pytest.mark.parametrize("name", STANDIN_NAMES)
def test_images_in_order_pass(name: str) -> None:
    for sizes in (all_values(name), LONG_AXES):
        (finding,) = check_order(rendered_set(name, sizes))
        assert not finding.is_doubt
        for factor, size in zip(rendered_set(name, sizes).space.names, sizes, strict=True):
            assert (f"{factor} 0." in finding.text) == (size > 1)


def shuffled(images: Images, sizes: tuple[int, ...], first: int, last: int) -> Images:
    """Shuffles the values of the factors first to last-1 as one, the same way everywhere."""
    before = int(np.prod(sizes[:first]))
    blocks = int(np.prod(sizes[first:last]))
    order = np.random.default_rng(0).permutation(blocks)
    return images.reshape(before, blocks, -1)[:, order].reshape(images.shape)


@pytest.mark.parametrize("name", STANDIN_NAMES)
@pytest.mark.parametrize(("first", "last"), [(0, 5), (0, 7), (2, 5)])
def test_shuffled_blocks_are_found(name: str, first: int, last: int) -> None:
    image_set = rendered_set(name, all_values(name))
    images = shuffled(image_set.images, all_values(name), first, last)
    with pytest.raises(ValueError, match=r"near in .*out of order"):
        list(check_order(replace(image_set, images=images)))


@pytest.mark.parametrize("axis", [5, 6])
def test_a_long_axis_in_another_order_is_found_by_name(axis: int) -> None:
    sizes = (2, 1, 2, 1, 1, 16, 2) if axis == 5 else (2, 1, 2, 1, 1, 2, 16)
    image_set = rendered_set("standin_toy", sizes)
    list(check_order(image_set))
    images = shuffled(image_set.images, sizes, axis, axis + 1)
    with pytest.raises(ValueError, match=f"near in {AXES[axis - 5]}"):
        list(check_order(replace(image_set, images=images)))


def test_images_that_are_all_the_same_are_out_of_order() -> None:
    image_set = rendered_set("standin_toy", LONG_AXES)
    images = np.broadcast_to(image_set.images[:1], image_set.images.shape)
    with pytest.raises(ValueError, match="near in object_color"):
        list(check_order(replace(image_set, images=images)))


@pytest.mark.parametrize("name", STANDIN_NAMES)
@pytest.mark.parametrize("sizes", [(2, 1, 1, 1, 1, 6, 6), (4, 1, 1, 1, 1, 8, 8)])
def test_axes_of_small_grids_raise_no_doubt(name: str, sizes: tuple[int, ...]) -> None:
    (finding,) = check_axes(rendered_set(name, sizes))
    assert not finding.is_doubt


@pytest.mark.parametrize("name", STANDIN_NAMES)
@pytest.mark.parametrize("sizes", [LONG_AXES, (1, 1, 1, 3, 1, 5, 5)])
def test_axes_in_the_other_order_are_found(name: str, sizes: tuple[int, ...]) -> None:
    image_set = rendered_set(name, sizes)
    (finding,) = check_axes(image_set)
    assert not finding.is_doubt
    swapped = (*sizes[:5], sizes[6], sizes[5])
    images = image_set.images.reshape(*sizes, -1).swapaxes(5, 6).reshape(image_set.images.shape)
    space = FactorSpace(image_set.space.names, swapped)
    (finding,) = check_axes(replace(image_set, images=images, space=space))
    assert finding.is_doubt
    assert "horizontal_axis" in finding.text


def test_axes_of_two_positions_are_not_tested() -> None:
    (finding,) = check_axes(rendered_set("standin_toy", ALL_VALUES))
    assert not finding.is_doubt
    assert "2 and 2 positions" in finding.text


def test_a_wrong_md5_is_a_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path, "mpi3d_toy", LONG_AXES)
    found = sample_statistics(open_images("mpi3d_toy", tmp_path))

    def published(md5: str) -> Callable[..., Variant]:
        mean, std = (tuple(map(float, three)) for three in (found.mean, found.std))
        return lambda *_: Variant("mpi3d_toy", LONG_AXES, md5, mean, std)  # type: ignore[arg-type]

    place = ["data", "check", "mpi3d_toy", "--folder", str(tmp_path)]
    monkeypatch.setattr(check, "published_like", published("0" * 32))
    capsys.readouterr()
    assert main(place) == 0
    printed = capsys.readouterr().out
    assert f"expected {'0' * 32}" in printed
    assert "is sound" not in printed
    monkeypatch.setattr(check, "published_like", published(check._md5_of(path)))
    assert main(place) == 0
    assert capsys.readouterr().out.endswith("mpi3d_toy is sound\n")


def test_a_stand_in_has_no_published_checksum(tmp_path: Path) -> None:
    saved(tmp_path, "standin_toy", LONG_AXES)
    assert len(list(check_checksums(open_images("standin_toy", tmp_path)))) == 1


def test_a_file_that_changes_during_its_check_is_not_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path, "standin_toy", LONG_AXES)

    def overwriting(image_set: ImageSet) -> list[Any]:
        with path.open("rb+") as file:
            file.seek(5000)
            file.write(b"other")
        return []

    monkeypatch.setattr(command, "check_order", overwriting)
    assert main(["data", "check", "standin_toy", "--folder", str(tmp_path), "--quick"]) == 1
    captured = capsys.readouterr()
    assert "sound" not in captured.out
    assert f"{path} changed" in captured.err
