"""A trunk whose maps are pooled without weights: what the learned aggregation is compared with."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from submission.models.extractor import Extractor, normalise_rows
from submission.models.rmac import rmac

__all__ = ["POOLINGS", "PooledExtractor", "average_pool", "max_pool", "random_extractor"]


def average_pool(maps: Tensor) -> Tensor:
    """Maps (B, D, H, W) to the unit-length means over positions, (B, D)."""
    return normalise_rows(maps.mean(dim=(2, 3)))


def max_pool(maps: Tensor) -> Tensor:
    """Maps (B, D, H, W) to the unit-length maxima over positions, (B, D)."""
    return normalise_rows(maps.amax(dim=(2, 3)))


def small_rmac(maps: Tensor) -> Tensor:
    """Aggregates (B, D, H, W) maps too small for regions of 3 pixels by R-MAC, to (B, D)."""
    return rmac(maps, ((1, 1),))


POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "average": average_pool,
    "max": max_pool,
    "rmac": small_rmac,
}


class PooledExtractor(Extractor):
    """A trunk on 64x64 images and a pooling of its (B, 512, 2, 2) maps.

    Args:
        architecture: the trunk.
        pooling: one of `POOLINGS`.
    """

    def __init__(self, architecture: str, pooling: str) -> None:
        super().__init__(architecture, POOLINGS[pooling])

    def layers(self) -> Iterator[nn.Module]:
        """Yields the layers of the trunk."""
        yield from self.trunk


def random_extractor(pooling: str, architecture: str = "vgg19_bn") -> PooledExtractor:
    """Makes an extractor whose trunk has learnt nothing, the same each time.

    Args:
        pooling: one of `POOLINGS`.
        architecture: the trunk; its weights are those that torchvision begins with.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return PooledExtractor(architecture, pooling).eval()
