"""The feature extractor: a VGG trunk and a learned aggregation (paper, section 2.1)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import vgg

from submission.errors import InputError

__all__ = [
    "ARCHITECTURES",
    "FEATURE_SIZE",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Aggregation",
    "Extractor",
    "FeatureExtractor",
    "Standardise",
    "make_trunk",
    "normalise_rows",
    "plain_vectors",
    "unit_vectors",
]

FEATURE_SIZE = 512
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
ARCHITECTURES = ("vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn")


def normalise_rows(rows: Tensor) -> Tensor:
    """Divides each row by its L2 norm; a zero row stays zero and its gradient stays finite.

    Args:
        rows: (B, D), or (B, D, R) for R rows of an item.

    Returns:
        Rows of length 1, built from operators that every TorchScript runtime knows.
    """
    return rows / rows.square().sum(dim=1, keepdim=True).clamp_min(1e-12).sqrt()


def plain_vectors(maps: Tensor) -> Tensor:
    """Maps the (B, 512, 1, 1) that the aggregation leaves to (B, 512)."""
    return maps.flatten(1)


def unit_vectors(maps: Tensor) -> Tensor:
    """Maps the (B, 512, 1, 1) that the aggregation leaves to (B, 512) of unit length."""
    return normalise_rows(plain_vectors(maps))


def make_trunk(architecture: str) -> nn.Sequential:
    """Builds a torchvision VGG's convolutional layers, randomly initialised.

    Args:
        architecture: one of `ARCHITECTURES`.

    Raises:
        ValueError: if the architecture is not known.
    """
    if architecture not in ARCHITECTURES:
        raise InputError(f"expected a trunk out of {', '.join(ARCHITECTURES)}, got {architecture}")
    return cast(nn.Sequential, getattr(vgg, architecture)(weights=None).features)


class Standardise(nn.Module):
    """Standardises RGB in [0, 1] with ImageNet's channel means and standard deviations.

    Args:
        size: height and width that images are resized to before, bilinearly; None to keep theirs.
    """

    def __init__(self, size: int | None = None) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None])

    def forward(self, images: Tensor) -> Tensor:
        """Returns standardised (B, 3, H, W) images; the input stays as it is."""
        if self.size is not None:
            size = (self.size, self.size)
            images = F.interpolate(images, size, mode="bilinear", align_corners=False)
        return (images - cast(Tensor, self.mean)) / cast(Tensor, self.std)


class Aggregation(nn.Sequential):
    """Reduces a (B, 512, 2, 2) feature map to (B, 512, 1, 1) by three learned convolutions.

    Args:
        dropout: rate of the channel dropout before each convolution.
    """

    def __init__(self, dropout: float = 0.1) -> None:
        layers: list[nn.Module] = []
        for num_in, num_out, size in [(512, 1024, 1), (1024, 2048, 2), (2048, FEATURE_SIZE, 1)]:
            convolution = nn.Conv2d(num_in, num_out, size, bias=False)
            nn.init.kaiming_uniform_(convolution.weight, nonlinearity="relu")
            layers += [nn.Dropout2d(dropout), convolution, nn.BatchNorm2d(num_out), nn.ReLU()]
        super().__init__(*layers)


class Extractor(nn.Module, ABC):
    """Maps (B, 3, 64, 64) RGB in [0, 1] to (B, 512) features, in three parts.

    Args:
        architecture: the trunk, one of `ARCHITECTURES`; the paper's is vgg19_bn.
        pool: maps the last layer's (B, 512, H, W) to (B, 512), without weights.
        resized: height and width that images are resized to; None to keep their 64.

    Attributes:
        pool: as given.
    """

    def __init__(
        self, architecture: str, pool: Callable[[Tensor], Tensor], resized: int | None = None
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.pool: Callable[[Tensor], Tensor] = pool
        self.input_size = resized or 64
        self.standardise = Standardise(resized)
        self.trunk = make_trunk(architecture)

    @abstractmethod
    def layers(self) -> Iterator[nn.Module]:
        """Yields what stands between standardised images and `pool`, in order."""

    def forward(self, images: Tensor) -> Tensor:
        """Returns (B, 512) float32 features."""
        maps = self.standardise(images)
        for layer in self.layers():
            maps = layer(maps)
        return self.pool(maps.float())


class FeatureExtractor(Extractor):
    """The extractor that is finetuned: the trunk on 64x64 images and the learned aggregation.

    Args:
        architecture: the trunk, one of `ARCHITECTURES`; the paper's is vgg19_bn.
        dropout: rate of the aggregation's channel dropout.
    """

    def __init__(self, architecture: str = "vgg19_bn", dropout: float = 0.1) -> None:
        super().__init__(architecture, unit_vectors)
        self.aggregation = Aggregation(dropout)

    def layers(self) -> Iterator[nn.Module]:
        """Yields the layers of trunk and aggregation."""
        yield from self.trunk
        yield from self.aggregation
