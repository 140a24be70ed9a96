"""The law of every way to convolve: the values and derivatives of PyTorch's convolution."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["assert_convolves"]


def assert_convolves(
    convolve: Callable[[Tensor, Tensor, Tensor | None], Tensor],
    size: tuple[int, int],
    kernel: int,
    padding: int,
    *,
    has_bias: bool,
) -> None:
    """Compares on random maps in float64.

    Args:
        convolve: takes maps, weight and bias.
        size: of the maps.
        kernel: height and width.
        padding: zeros on every side.
        has_bias: whether there is one.
    """
    torch.manual_seed(0)
    maps = torch.randn(5, 6, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(7, 6, kernel, kernel, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(7, dtype=torch.float64, requires_grad=True) if has_bias else None
    leaves = [leaf for leaf in (maps, weight, bias) if leaf is not None]
    expected = F.conv2d(maps, weight, bias, padding=padding)
    result = convolve(maps, weight, bias)
    torch.testing.assert_close(result, expected)
    direction = torch.randn_like(expected)
    for first, second in zip(
        torch.autograd.grad(result, leaves, direction),
        torch.autograd.grad(expected, leaves, direction),
        strict=True,
    ):
        torch.testing.assert_close(first, second)
