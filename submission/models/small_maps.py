"""Convolutions of small maps as one matrix product, which a CPU computes faster."""

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["convolve_by_product"]


def convolve_by_product(maps: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """Convolves as `torch.nn.functional.conv2d` does, with stride 1, by one matrix product.

    The neighbourhood of each position becomes a row. So the forward pass and both derivatives are
    products of large matrices.

    Args:
        maps: (B, C, H, W), fastest in channels-last layout.
        weight: (D, C, K, L).
        bias: (D,) or None.
        padding: zeros on every side.

    Returns:
        (B, D, H', W') in channels-last layout.

    Example:
        >>> maps, weight = torch.rand(2, 3, 4, 4), torch.rand(5, 3, 3, 3)
        >>> product = convolve_by_product(maps, weight, None, padding=1)
        >>> torch.allclose(product, F.conv2d(maps, weight, padding=1), atol=1e-4)
        True
    """
    height, width = weight.shape[2:]
    padded = F.pad(maps.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding))
    down, right = padded.shape[1] - height + 1, padded.shape[2] - width + 1
    neighbours = [
        padded[:, i : i + down, j : j + right] for i in range(height) for j in range(width)
    ]
    rows = torch.cat(neighbours, dim=3)  # (B, H', W', K L C)
    return F.linear(rows, weight.permute(0, 2, 3, 1).flatten(1), bias).permute(0, 3, 1, 2)
