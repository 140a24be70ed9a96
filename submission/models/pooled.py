"""Poolings without weights, to compare the learned aggregation with."""

from collections.abc import Callable

import torch
from torch import Tensor

from submission.models.extractor import Extractor, normalise_rows
from submission.models.rmac import rmac

__all__ = ["POOLINGS", "average_pool", "max_pool", "random_extractor"]


def average_pool(maps: Tensor) -> Tensor:
    """Maps (B, D, H, W) to means over positions, scaled to unit length, (B, D).

    Example:
        >>> average_pool(torch.tensor([[[[1.0, 5.0]], [[4.0, 4.0]]]]))  # means 3 and 4
        tensor([[0.6000, 0.8000]])
    """
    return normalise_rows(maps.mean(dim=(2, 3)))


def max_pool(maps: Tensor) -> Tensor:
    """Maps (B, D, H, W) to maxima over positions, scaled to unit length, (B, D).

    Example:
        >>> max_pool(torch.tensor([[[[1.0, 3.0]], [[4.0, 0.0]]]]))  # maxima 3 and 4
        tensor([[0.6000, 0.8000]])
    """
    return normalise_rows(maps.amax(dim=(2, 3)))


def small_rmac(maps: Tensor) -> Tensor:
    """Maps (B, D, H, W) to (B, D) by R-MAC with regions of one position and the whole map."""
    return rmac(maps, ((1, 1),))


POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "average": average_pool,
    "max": max_pool,
    "rmac": small_rmac,
}
"""Of a trunk's (B, 512, 2, 2) maps of 64x64 images."""


def random_extractor(pooling: str) -> Extractor:
    """Makes a vgg19_bn extractor with torchvision's random weights, the same in each run.

    Args:
        pooling: one of `POOLINGS`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Extractor("vgg19_bn", POOLINGS[pooling])
