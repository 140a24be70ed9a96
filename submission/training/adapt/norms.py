"""Estimates an extractor's batch norms on images of another domain, without labels."""

import copy
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from submission.console import progress_bar
from submission.models.convolutions import FastConvolutions
from submission.models.extractor import Extractor
from submission.training.batches import read_images, to_unit_range
from submission.training.devices import Devices
from submission.training.prefetch import num_readers, prefetched
from submission.training.seeds import seed_for

__all__ = ["BATCH_SIZE", "estimate_norms"]

BATCH_SIZE = 256
"""Images of a pass, at most."""


@torch.no_grad()
def estimate_norms(
    extractor: Extractor,
    images: npt.NDArray[np.uint8],
    num_images: int,
    seed: int,
    devices: Devices,
) -> Extractor:
    """Returns a copy whose batch norms have the means and variances of unlabelled images.

    Each layer sees activations that the layers before it have normalised with the batch's own
    statistics. The layer keeps the average over batches (adaptive batch normalisation, Li et al.
    2016). Weights do not change.

    Args:
        extractor: in evaluation mode; it does not change.
        images: (N, H, W, 3) of the domain, in any order.
        num_images: number of images to use, drawn at random without repetition; all if N is
            smaller. The last incomplete batch of 256 is left out, unless it is the only one.
        seed: decides which images.
        devices: where to compute, in this process alone.

    Returns:
        The copy, on the CPU, in evaluation mode.
    """
    count = min(num_images, len(images))
    batch_size = min(BATCH_SIZE, count)
    count = count // batch_size * batch_size
    random = np.random.default_rng(seed_for(seed, "adapt: images of the norms"))
    chosen = random.choice(len(images), count, replace=False)
    rows = [np.sort(part) for part in np.split(chosen, count // batch_size)]
    device = devices.device
    adapted = copy.deepcopy(extractor).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    norms = [layer for layer in adapted.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over batches
        norm.train()
    with progress_bar(count, "adaptation", " images") as bar:
        read = partial(read_images, images, device=device)
        for pixels in prefetched(read, rows, num_readers(device)):
            with devices.precision.autocast(device), FastConvolutions():
                adapted(to_unit_range(pixels, device))
            bar.update(batch_size)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    finished: Extractor = adapted.cpu().eval()
    return finished
