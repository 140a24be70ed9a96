import pytest
import torch
from torch.nn import functional as F

from submission.models.small_maps import convolve_by_product


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
