"""Adapts the frozen extractor to a new domain without labels, through its batch norms."""

from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from submission.errors import InputError
from submission.models.extractor import Extractor
from submission.models.small_maps import SmallMapProducts
from submission.training.batches import to_unit_range
from submission.training.prefetch import prefetched

__all__ = ["norm_statistics", "reestimate_norms"]


def norm_statistics(extractor: Extractor) -> list[Tensor]:
    """Lists what adaptation changes: the mean and the variance in each batch norm."""
    norms = [layer for layer in extractor.modules() if isinstance(layer, nn.BatchNorm2d)]
    return [
        cast(Tensor, value) for norm in norms for value in (norm.running_mean, norm.running_var)
    ]


@torch.no_grad()
def reestimate_norms(
    extractor: Extractor,
    images: npt.NDArray[np.uint8],
    num_images: int,
    batch_size: int,
    seed: int,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    advance: Callable[[int], object] = lambda num_images: None,
) -> Extractor:
    """Replaces the mean and variance in every batch norm by those of unlabelled images.

    Each layer sees activations that the layers before it have normalised with the batch's own
    statistics, and keeps the average over batches (adaptive batch normalisation, Li et al. 2016).
    Weights stay as they are.

    Args:
        extractor: in evaluation mode; changed in place and left in evaluation mode.
        images: (N, H, W, 3) of the domain, in any order.
        num_images: how many of them to look at, drawn at random without repetition; all if N is
            smaller.
        batch_size: images of a pass, whole batches only.
        seed: decides which images.
        device: where to compute.
        dtype: number format of the matrix products.
        advance: told the number of images of each finished batch.

    Returns:
        The extractor, on the CPU.

    Raises:
        ValueError: if there is less than one batch of images.
    """
    count = min(num_images, len(images)) // batch_size * batch_size
    if count == 0:
        raise InputError(
            f"expected at least {batch_size} images to adapt to, got "
            f"{min(num_images, len(images))}; raise Adapt.num_norm_images or use a larger grid"
        )
    chosen = np.random.default_rng(seed).choice(len(images), count, replace=False)
    rows = [np.sort(part) for part in np.split(chosen, count // batch_size)]
    extractor.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    norms = [layer for layer in extractor.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over batches
        norm.train()
    enabled = dtype != torch.float32
    for pixels in prefetched(torch.from_numpy(images[part]) for part in rows):
        with torch.autocast(device.type, dtype, enabled=enabled), SmallMapProducts():
            extractor(to_unit_range(pixels, device))
        advance(batch_size)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return extractor.cpu().eval()
