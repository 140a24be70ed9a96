import math

import pytest
import torch
from torch import Tensor

from submission.models.extractor import Extractor
from submission.models.folding import fold
from submission.models.rmac import INPUT_SIZE, region_vectors, rmac

pytestmark = pytest.mark.usefixtures("narrow_trunk")


def slow_rmac(maps: Tensor) -> list[list[float]]:
    """Follows the definition number by number, in Python floats."""
    vectors = []
    for item in maps.tolist():
        height, width = len(item[0]), len(item[0][0])
        corners = [
            (top, left, size)
            for size, stride in ((1, 1), (3, 2), (5, 2))
            for top in range(0, height - size + 1, stride)
            for left in range(0, width - size + 1, stride)
        ]
        boxes = [(top, left, top + size, left + size) for top, left, size in corners]
        total = [0.0] * len(item)
        for top, left, bottom, right in [*boxes, (0, 0, height, width)]:
            region = [
                max(value for row in channel[top:bottom] for value in row[left:right])
                for channel in item
            ]
            length = math.sqrt(sum(value**2 for value in region))
            total = [old + value / length for old, value in zip(total, region, strict=True)]
        length = math.sqrt(sum(value**2 for value in total))
        vectors.append([value / length for value in total])
    return vectors


def random_maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("height", "width"), [(7, 7), (5, 5), (6, 9)])
def test_it_is_the_definition(height: int, width: int) -> None:
    maps = random_maps(2, 11, height, width) - 0.3
    expected = torch.tensor(slow_rmac(maps), dtype=torch.float64)
    torch.testing.assert_close(rmac(maps), expected, rtol=0, atol=1e-13)


def test_a_map_of_seven_by_seven_has_sixty_three_regions() -> None:
    assert region_vectors(random_maps(2, 4, 7, 7)).shape == (2, 4, 49 + 9 + 4 + 1)


def test_the_whole_map_is_the_last_region_wherever_its_maximum_lies() -> None:
    maps = random_maps(3, 4, 7, 7)
    order = torch.randperm(49, generator=torch.Generator().manual_seed(1))
    moved = maps.flatten(2)[:, :, order].reshape(maps.shape)
    whole, whole_moved = region_vectors(maps)[:, :, -1], region_vectors(moved)[:, :, -1]
    assert torch.equal(whole, maps.flatten(2).max(dim=2).values)
    assert torch.equal(whole, whole_moved)
    assert not torch.equal(region_vectors(maps), region_vectors(moved))


def test_vectors_have_unit_length_and_forget_the_scale() -> None:
    maps = random_maps(3, 16, 7, 7)
    length = rmac(maps).norm(dim=1)
    torch.testing.assert_close(length, torch.ones_like(length))
    torch.testing.assert_close(rmac(1000 * maps), rmac(maps))


def test_a_zero_map_gives_zeros_and_a_finite_gradient() -> None:
    maps = torch.cat([torch.zeros(1, 8, 7, 7), torch.rand(1, 8, 7, 7)]).requires_grad_()
    vectors = rmac(maps)
    vectors.square().sum().add(vectors.sum()).backward()  # type: ignore[no-untyped-call]
    assert (vectors[0] == 0).all()
    assert maps.grad is not None
    assert maps.grad.isfinite().all()
    assert maps.grad[1].abs().sum() > 0


def make_rmac_extractor(architecture: str = "vgg11_bn") -> Extractor:
    """Builds an extractor of random weights whose batch norms have seen some images."""
    torch.manual_seed(0)
    extractor = Extractor(architecture, rmac, INPUT_SIZE)
    with torch.no_grad():
        extractor(torch.rand(4, 3, 64, 64))
        extractor(torch.rand(4, 3, 64, 64))
    return extractor.eval()


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return make_rmac_extractor()


@torch.no_grad()
def test_the_trunk_sees_images_of_224_pixels_resized_bilinearly(extractor: Extractor) -> None:
    images = torch.rand(2, 3, 64, 64)
    before = images.clone()
    prepared = extractor.standardise(images)
    assert torch.equal(images, before)
    resized = prepared * extractor.standardise.std + extractor.standardise.mean
    assert resized.shape == (2, 3, 224, 224)
    for row, column in [(0, 0), (17, 100), (223, 5)]:  # pixel centres at (i + 1/2) 64/224 - 1/2
        y, x = (max((place + 0.5) * 64 / 224 - 0.5, 0) for place in (row, column))
        top, left = int(y), int(x)
        bottom, right = min(top + 1, 63), min(left + 1, 63)
        dy, dx = y - top, x - left
        expected = (
            (1 - dy) * (1 - dx) * images[:, :, top, left]
            + (1 - dy) * dx * images[:, :, top, right]
            + dy * (1 - dx) * images[:, :, bottom, left]
            + dy * dx * images[:, :, bottom, right]
        )
        torch.testing.assert_close(resized[:, :, row, column], expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_features_are_those_of_the_trunk_in_any_number_format(extractor: Extractor) -> None:
    images = torch.rand(4, 3, 64, 64)
    maps = extractor.trunk(extractor.standardise(images))
    assert maps.shape == (4, 512, 7, 7)
    features = extractor(images)
    assert torch.equal(features, rmac(maps))
    torch.testing.assert_close(fold(extractor)(images), features, rtol=0, atol=2e-5)
    halved = fold(extractor, torch.bfloat16)(images)
    assert halved.dtype == torch.float32
    assert (halved * features).sum(dim=1).mean() >= 0.999
    torch.testing.assert_close(halved.norm(dim=1), torch.ones(4))


@torch.no_grad()
def test_each_image_is_mapped_by_itself(extractor: Extractor) -> None:
    images = torch.rand(3, 3, 64, 64)
    alone = torch.cat([extractor(image[None]) for image in images])
    torch.testing.assert_close(alone, extractor(images), rtol=0, atol=1e-5)
