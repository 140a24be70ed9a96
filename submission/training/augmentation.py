"""Random changes of exposure, colour, sharpness and position that a real camera makes."""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

__all__ = ["augment"]


def augment(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Changes each image at random, as if another camera had taken it.

    The changes, in this order:

    1. a shift of up to 1.5 pixels, a rotation of up to 1.5 degrees and a zoom of up to 3 %,
    2. a blur,
    3. a gain of each image and a gain of each channel,
    4. a brightness slope and a vignette,
    5. a black level,
    6. noise.

    Args:
        images: (B, 3, H, W) in [0, 1].
        strength: 0 leaves the images as they are, 1 is the full range of each change.
        generator: source of randomness, on the images' device.

    Returns:
        (B, 3, H, W) in [0, 1], a new tensor unless the strength is 0.

    Example:
        >>> images = torch.rand(2, 3, 64, 64)
        >>> augment(images, 1.0, Generator().manual_seed(0)).shape
        torch.Size([2, 3, 64, 64])
    """
    if strength == 0:
        return images

    batch, _, height, width = images.shape

    def uniform(*shape: int) -> Tensor:
        noise = torch.rand(batch, *shape, generator=generator, device=images.device)
        return strength * (2 * noise - 1)

    moved = _move(images, uniform(), uniform(), uniform(2))
    distance = torch.arange(-1.0, 2.0, device=images.device).abs()  # a list would wait for the GPU
    kernel = (2 - distance) / 4
    kernel = (kernel[:, None] * kernel).expand(3, 1, 3, 3)
    blurred = F.conv2d(F.pad(moved, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
    changed = torch.lerp(moved, blurred, uniform(1, 1, 1).clamp_min(0))

    gain = (0.55 * uniform(1, 1, 1) + 0.12 * uniform(3, 1, 1)).exp()
    down = torch.linspace(-1, 1, height, device=images.device)[:, None]
    right = torch.linspace(-1, 1, width, device=images.device)
    slope = uniform(3, 1, 1)
    light = 1 + 0.12 * (slope[:, :1] * down + slope[:, 1:2] * right)
    light = light - 0.12 * slope[:, 2:].clamp_min(0) * (down.square() + right.square())
    changed = changed * gain * light + 0.04 * uniform(3, 1, 1)

    noise = torch.randn(images.shape, generator=generator, device=images.device)
    changed = changed + 0.02 * uniform(1, 1, 1).clamp_min(0) * noise
    return changed.clamp(0, 1)


def _move(images: Tensor, turn: Tensor, zoom: Tensor, shift: Tensor) -> Tensor:
    angle = math.radians(1.5) * turn  # (B,)
    scale = 1 + 0.03 * zoom
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    shift = shift * (3.0 / images.shape[-1])  # 1.5 pixels of a width of 2
    matrix = torch.stack(
        [
            torch.stack([cosine, -sine, shift[:, 0]], dim=1),
            torch.stack([sine, cosine, shift[:, 1]], dim=1),
        ],
        dim=1,
    )  # (B, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
