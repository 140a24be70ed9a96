"""The feature extractor: a VGG trunk and a learned aggregation (paper, section 2.1)."""

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
    "Extractor",
    "FeatureExtractor",
    "Standardise",
    "make_trunk",
    "normalise_rows",
    "plain_vectors",
    "row_lengths",
]

FEATURE_SIZE = 512
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
ARCHITECTURES = ("vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn")


def row_lengths(rows: Tensor, dim: int) -> Tensor:
    """Computes L2 norms along a dimension, at least 1e-6.

    The bound keeps quotients and gradients finite where a row is zero. Only operators of PyTorch
    1.8 are used: `Tensor.norm` is traced to an operator that the server's version may lack.

    Args:
        rows: any shape.
        dim: the dimension; it stays, with size 1.

    Example:
        >>> row_lengths(torch.tensor([[3.0, 4.0]]), dim=1)
        tensor([[5.]])
    """
    return rows.square().sum(dim=dim, keepdim=True).clamp_min(1e-12).sqrt()


def normalise_rows(rows: Tensor) -> Tensor:
    """Divides each row by its L2 norm; a zero row stays zero.

    Args:
        rows: (B, D), or (B, D, R) for R rows of each item.

    Example:
        >>> normalise_rows(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    return rows / row_lengths(rows, dim=1)


def plain_vectors(maps: Tensor) -> Tensor:
    """Maps the aggregation's (B, 512, 1, 1) to (B, 512)."""
    return maps.flatten(1)


def unit_vectors(maps: Tensor) -> Tensor:
    """Maps the aggregation's (B, 512, 1, 1) to (B, 512) vectors of unit length."""
    return normalise_rows(plain_vectors(maps))


def make_trunk(architecture: str) -> nn.Sequential:
    """Builds a torchvision VGG's convolutional layers, randomly initialised as it does.

    Args:
        architecture: one of `ARCHITECTURES`.

    Raises:
        InputError: if the architecture is unknown.

    Example:
        >>> make_trunk("resnet18")
        Traceback (most recent call last):
        submission.errors.InputError: expected the trunk to be one of vgg11_bn, ..., got resnet18
    """
    if architecture not in ARCHITECTURES:
        raise InputError(
            f"expected the trunk to be one of {', '.join(ARCHITECTURES)}, got {architecture}"
        )
    with torch.device("meta"):  # its classifier has six times the convolutions' weights
        whole = getattr(vgg, architecture)(weights=None)
    trunk = cast(nn.Sequential, whole.features.to_empty(device=torch.get_default_device()))
    for layer in trunk:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(cast(Tensor, layer.bias))
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
    return trunk


class Standardise(nn.Module):
    """Resizes RGB in [0, 1] and standardises it with ImageNet's channel means and deviations.

    Args:
        size: new height and width, by bilinear interpolation; None to keep the size.

    Example:
        >>> mean = torch.tensor(IMAGENET_MEAN)[None, :, None, None]
        >>> Standardise()(mean).flatten()
        tensor([0., 0., 0.])
        >>> tuple(Standardise(224)(torch.rand(2, 3, 64, 64)).shape)
        (2, 3, 224, 224)
    """

    def __init__(self, size: int | None = None) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None])

    def forward(self, images: Tensor) -> Tensor:
        """Returns standardised (B, 3, H, W) images; the input is not changed."""
        if self.size is not None:
            size = (self.size, self.size)
            images = F.interpolate(images, size, mode="bilinear", align_corners=False)
        return (images - cast(Tensor, self.mean)) / cast(Tensor, self.std)


class Aggregation(nn.Sequential):
    """Reduces (B, 512, 2, 2) maps to (B, 512, 1, 1) by three learned convolutions (paper, 2.1).

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


class Extractor(nn.Module):
    """Maps (B, 3, 64, 64) RGB in [0, 1] to (B, 512) features: a trunk, then a pooling.

    Args:
        architecture: the trunk, one of `ARCHITECTURES`. The paper has vgg19_bn.
        pool: maps the last layer's (B, 512, H, W) to (B, 512), without weights.
        resized: new height and width of the images; None to keep 64.
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

    def layers(self) -> Iterator[nn.Module]:
        """Yields the layers between standardised images and `pool`, in order."""
        yield from self.trunk

    def forward(self, images: Tensor) -> Tensor:
        """Returns (B, 512) float32 features."""
        maps = self.standardise(images)
        for layer in self.layers():
            maps = layer(maps)
        return self.pool(maps.float())


class FeatureExtractor(Extractor):
    """The extractor that is finetuned: trunk, learned aggregation, L2 norm (paper, section 2.1).

    Args:
        architecture: the trunk, one of `ARCHITECTURES`. The paper has vgg19_bn.
        dropout: rate of the aggregation's channel dropout.

    Example:
        >>> extractor = FeatureExtractor("vgg11_bn").eval()
        >>> tuple(extractor(torch.rand(2, 3, 64, 64)).shape)
        (2, 512)
    """

    def __init__(self, architecture: str = "vgg19_bn", dropout: float = 0.1) -> None:
        super().__init__(architecture, unit_vectors)
        self.aggregation = Aggregation(dropout)

    def layers(self) -> Iterator[nn.Module]:
        """Yields the layers of trunk and aggregation."""
        yield from super().layers()
        yield from self.aggregation
