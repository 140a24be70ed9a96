"""What finetuning trains, the extractor with its heads, and how its accuracy is measured."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from submission.models.convolutions import FastConvolutions
from submission.models.heads import Heads
from submission.training.batches import LabelledImages, to_unit_range
from submission.training.devices import Devices
from submission.training.prefetch import num_readers, prefetched

__all__ = ["FactorClassifier", "factor_accuracies"]

BATCH_SIZE = 256


class FactorClassifier(nn.Module):
    """Maps pixels to logits of every factor.

    The extractor computes in the precision around the call, everything else in float32.

    Args:
        extractor: maps (B, 3, 64, 64) images in [0, 1] to (B, 512) features.
        heads: maps features to logits.

    Example:
        >>> extractor = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 512))
        >>> classify = FactorClassifier(extractor, Heads(("shape", "color"), (3, 6)))
        >>> pixels = torch.zeros(2, 64, 64, 3, dtype=torch.uint8)
        >>> [tuple(logits.shape) for logits in classify(pixels)]
        [(2, 3), (2, 6)]
    """

    def __init__(self, extractor: nn.Module, heads: Heads) -> None:
        super().__init__()
        self.extractor = extractor
        self.heads = heads

    def forward(
        self, pixels: Tensor, change: Callable[[Tensor], Tensor] | None = None
    ) -> list[Tensor]:
        """Returns F tensors of (B, size) logits.

        Args:
            pixels: (B, 64, 64, 3) uint8, on any device.
            change: is applied first, to the (B, 3, 64, 64) images in [0, 1].
        """
        device = next(self.parameters()).device
        with torch.autocast(device.type, enabled=False):
            images = to_unit_range(pixels, device)
            if change is not None:
                images = change(images)
        with FastConvolutions():
            features = self.extractor(images)  # (B, 512)
        with torch.autocast(device.type, enabled=False):
            logits: list[Tensor] = self.heads(features)
        return logits


@torch.inference_mode()
def factor_accuracies(
    classify: Callable[[Tensor], list[Tensor]],
    images: LabelledImages,
    indices: npt.NDArray[np.int64],
    devices: Devices,
) -> dict[str, float]:
    """Measures how often each factor is classified correctly; processes share the images.

    Args:
        classify: maps (B, 64, 64, 3) pixels to F tensors of logits.
        images: labelled images.
        indices: which of them to classify.
        devices: the processes.

    Returns:
        Accuracy in [0, 1] by factor name, the same on every process. Images whose value is unknown
        do not count.

    Example:
        >>> from pathlib import Path
        >>> from submission.data.image_set import ImageSet
        >>> from submission.factors import FactorSpace
        >>> from submission.training.devices import one_device
        >>> pixels = np.zeros((4, 64, 64, 3), np.uint8)
        >>> toy = ImageSet("toy", Path(), pixels, FactorSpace(("size",), (4,)))
        >>> first = lambda pixels: [torch.eye(4)[[0] * len(pixels)]]  # says 0 of each image
        >>> cpu = one_device(torch.device("cpu"))
        >>> factor_accuracies(first, LabelledImages([toy]), np.arange(4), cpu)
        {'size': 0.25}
    """
    device = devices.device
    counts = torch.zeros(2, images.space.num_factors, dtype=torch.int64, device=device)
    own = indices[devices.number :: devices.num_processes]
    batches = (own[start : start + BATCH_SIZE] for start in range(0, len(own), BATCH_SIZE))
    take = partial(images.take, device=device)
    for pixels, factors in prefetched(take, batches, num_readers(device)):
        predicted = torch.stack([row.argmax(dim=1) for row in classify(pixels)], dim=1)  # (B, F)
        values = factors.to(device, non_blocking=True)
        counts += torch.stack([(predicted == values).sum(dim=0), (values >= 0).sum(dim=0)])
    correct, known = devices.reduce(counts, "sum")
    return dict(zip(images.space.names, (correct / known.clamp_min(1)).tolist(), strict=True))
