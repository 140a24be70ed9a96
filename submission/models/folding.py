"""The extractor for inference: batch norms are folded into convolutions, dropout is left out."""

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
    """Computes the frozen extractor's features with less work.

    Args:
        standardise: resizes and standardises images, in float32.
        layers: convolutions, activations and poolings.
        pool: maps the last layer's output to features, in float32.
        dtype: number format of the layers. The features are always float32.

    Attributes:
        input_size: height and width of the images that the layers see.
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
        self.input_size = standardise.size or 64
        self.layers = layers.to(dtype)
        self.pool = pool
        self.dtype = dtype

    def forward(self, images: Tensor) -> Tensor:
        """Maps (B, 3, 64, 64) RGB in [0, 1] to (B, 512) features."""
        standardised = self.standardise(images)
        if self.dtype != torch.float32:
            return self.pool(self.layers(standardised.to(self.dtype)).float())
        return self.pool(self.layers(standardised))


def fold(extractor: Extractor, dtype: torch.dtype = torch.float32) -> FoldedExtractor:
    """Makes the inference form of a frozen extractor. The extractor itself is not changed.

    Args:
        extractor: in evaluation mode.
        dtype: number format of the layers.

    Raises:
        InputError: if the extractor is in training mode.

    Example:
        >>> from submission.models.extractor import FeatureExtractor
        >>> extractor = FeatureExtractor("vgg11_bn").eval()
        >>> images = torch.rand(2, 3, 64, 64)
        >>> torch.allclose(fold(extractor)(images), extractor(images), atol=1e-4)
        True
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
