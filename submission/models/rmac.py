"""The pooling of stage 1, R-MAC (Tolias, Sicre and Jégou 2016).

It describes an image by the maxima over regions of several sizes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from submission.models.extractor import normalise_rows

__all__ = ["INPUT_SIZE", "region_vectors", "rmac"]

INPUT_SIZE = 224
"""Height and width of stage 1's images; a VGG then ends with (B, 512, 7, 7) maps."""

REGIONS = ((1, 1), (3, 2), (5, 2))
"""Size and stride of the square regions; the whole map is one more."""


def region_vectors(maps: Tensor, regions: Sequence[tuple[int, int]] = REGIONS) -> Tensor:
    """Takes the maximum of each channel in every region, and in the whole map.

    Args:
        maps: (B, D, H, W), H and W at least the largest region's size.
        regions: size and stride of the regions, in positions.

    Returns:
        (B, D, R). A 7x7 map has 49 + 9 + 4 + 1 = 63 regions.

    Example:
        >>> tuple(region_vectors(torch.rand(2, 512, 7, 7)).shape)
        (2, 512, 63)
    """
    pooled = [F.max_pool2d(maps, size, stride).flatten(2) for size, stride in regions]
    pooled.append(F.adaptive_max_pool2d(maps, 1).flatten(2))  # (B, D, 1)
    return torch.cat(pooled, dim=2)


def rmac(maps: Tensor, regions: Sequence[tuple[int, int]] = REGIONS) -> Tensor:
    """Sums the regions' vectors, each of unit length, and normalises the sum.

    Args:
        maps: (B, D, H, W), as for `region_vectors`.
        regions: size and stride of the regions, in positions.

    Returns:
        (B, D) of unit length. A map of zeros gives zeros, with a finite gradient.

    Example:
        >>> rmac(torch.ones(1, 4, 7, 7))
        tensor([[0.5000, 0.5000, 0.5000, 0.5000]])
    """
    return normalise_rows(normalise_rows(region_vectors(maps, regions)).sum(dim=2))
