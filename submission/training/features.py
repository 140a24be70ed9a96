"""Turns a set of images into a matrix of features kept in memory once (paper, section 2.2)."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from submission.models.extractor import FEATURE_SIZE
from submission.training.batches import to_unit_range
from submission.training.prefetch import prefetched

__all__ = ["extract_features"]


@torch.inference_mode()
def extract_features(
    extractor: nn.Module,
    images: npt.NDArray[np.uint8],
    device: torch.device,
    batch_size: int = 256,
    feature_type: torch.dtype = torch.float32,
    advance: Callable[[int], object] = lambda num_images: None,
) -> Tensor:
    """Runs the frozen extractor over all images in order.

    Args:
        extractor: maps (B, 3, H, W) images in [0, 1] to (B, 512) features.
        images: (N, H, W, 3), read batch by batch, so it may be a memory map.
        device: where the extractor is.
        batch_size: images of a pass; it does not change the features beyond rounding.
        feature_type: number format that the matrix is kept in.
        advance: told the number of images of each finished batch.

    Returns:
        (N, 512) features on the CPU.
    """
    extractor = extractor.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    features = torch.empty(len(images), FEATURE_SIZE, dtype=feature_type)
    starts = range(0, len(images), batch_size)
    batches = (torch.from_numpy(np.array(images[start : start + batch_size])) for start in starts)
    for start, pixels in zip(starts, prefetched(batches), strict=True):
        rows = extractor(to_unit_range(pixels, device))  # (B, 512)
        features[start : start + len(rows)] = rows.to("cpu", feature_type)
        advance(len(rows))
    return features
