"""Random images and labels to compute on."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["random_images", "random_labels"]


def random_images(num_images: int) -> npt.NDArray[np.uint8]:
    """Makes (num_images, 64, 64, 3) images of random pixels."""
    shape = (num_images, 64, 64, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def random_labels(num_images: int, sizes: Sequence[int]) -> Tensor:
    """Draws (num_images, F) values of factors of these sizes."""
    return torch.stack([torch.randint(size, (num_images,)) for size in sizes], dim=1)
