"""The extractor for inference: batch norms folded into convolutions, dropout gone."""

import copy
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from submission.errors import InputError
from submission.models.extractor import Extractor, Standardise

__all__ = ["FoldedExtractor", "fold"]


class FoldedExtractor(nn.Module):
    """Computes what the frozen extractor computes, with less work.

    Args:
        standardise: the extractor's.
        layers: convolutions, activations and poolings between `standardise` and `pool`.
        pool: the extractor's; it computes in float32.
        dtype: number format of the layers; the features are float32 all the same.
    """

    def __init__(
        self,
        standardise: Standardise,
        layers: nn.Sequential,
        pool: Callable[[Tensor], Tensor],
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.standardise = standardise
        self.layers = layers.to(dtype)
        self.pool = pool
        self.dtype = dtype

    def forward(self, images: Tensor) -> Tensor:
        """Maps (B, 3, 64, 64) RGB in [0, 1] to (B, 512) features of unit length."""
        standardised = self.standardise(images)
        if self.dtype != torch.float32:
            return self.pool(self.layers(standardised.to(self.dtype)).float())
        return self.pool(self.layers(standardised))


def fold(extractor: Extractor, dtype: torch.dtype = torch.float32) -> FoldedExtractor:
    """Makes the inference form of a frozen extractor, which itself stays as it is.

    Args:
        extractor: in evaluation mode.
        dtype: number format of the layers.

    Raises:
        ValueError: if the extractor is in training mode.
    """
    if extractor.training:
        raise InputError("expected an extractor in evaluation mode, got one in training mode")
    layers: list[nn.Module] = []
    for module in extractor.layers():
        if isinstance(module, nn.BatchNorm2d):
            layers[-1] = fuse_conv_bn_eval(cast(nn.Conv2d, layers[-1]), module)
        elif isinstance(module, nn.ReLU):
            layers.append(nn.ReLU())
        elif not isinstance(module, nn.Dropout2d):
            layers.append(module)
    standardise = copy.deepcopy(extractor.standardise)
    folded = FoldedExtractor(standardise, nn.Sequential(*layers), extractor.pool, dtype)
    return folded.eval().requires_grad_(requires_grad=False)
