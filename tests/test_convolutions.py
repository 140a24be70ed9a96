import pytest
import torch
from torch import nn
from torch.nn import functional as F

from submission.models.extractor import FeatureExtractor
from submission.models.small_maps import SmallMapProducts, convolve_by_product


@pytest.mark.parametrize(
    ("size", "kernel", "padding", "has_bias"),
    [((4, 4), 3, 1, True), ((2, 3), 3, 1, False), ((2, 2), 2, 0, False), ((2, 2), 1, 0, True)],
)
def test_a_product_gives_the_convolution_and_its_derivatives(
    size: tuple[int, int], kernel: int, padding: int, has_bias: bool
) -> None:
    torch.manual_seed(0)
    maps = torch.randn(5, 6, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(7, 6, kernel, kernel, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(7, dtype=torch.float64, requires_grad=True) if has_bias else None
    leaves = [leaf for leaf in (maps, weight, bias) if leaf is not None]
    expected = F.conv2d(maps, weight, bias, padding=padding)
    product = convolve_by_product(maps, weight, bias, padding)
    torch.testing.assert_close(product, expected)
    direction = torch.randn_like(expected)
    for first, second in zip(
        torch.autograd.grad(product, leaves, direction),
        torch.autograd.grad(expected, leaves, direction),
        strict=True,
    ):
        torch.testing.assert_close(first, second)


@pytest.mark.parametrize(
    ("layer", "size", "by_product"),
    [
        (nn.Conv2d(3, 4, 3, padding=1), 4, True),
        (nn.Conv2d(3, 4, 3, padding=1), 5, False),
        (nn.Conv2d(3, 4, 3, padding=2), 4, False),
        (nn.Conv2d(3, 4, 3, padding="same"), 4, False),
        (nn.Conv2d(3, 4, 1, stride=2), 4, False),
        (nn.Conv2d(3, 3, 3, padding=1, groups=3), 4, False),
        (nn.Conv2d(3, 4, 2, dilation=2), 4, False),
    ],
    ids=str,
)
def test_only_plain_convolutions_of_small_maps_become_products(
    layer: nn.Conv2d, size: int, by_product: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def record(*arguments: torch.Tensor) -> torch.Tensor:
        calls.append(arguments)
        return torch.zeros(())

    monkeypatch.setattr("submission.models.small_maps.convolve_by_product", record)
    maps = torch.rand(2, 3, size, size)
    with SmallMapProducts():
        layer(maps)
    assert len(calls) == by_product
    layer(maps)
    assert len(calls) == by_product


def test_an_extractor_computes_the_same_by_products() -> None:
    torch.manual_seed(0)
    extractor = FeatureExtractor("vgg11_bn").eval()
    images = torch.rand(4, 3, 64, 64)
    with torch.no_grad():
        expected = extractor(images)
        with SmallMapProducts():
            torch.testing.assert_close(extractor(images), expected, rtol=0, atol=2e-5)
