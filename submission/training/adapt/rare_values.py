"""Finds values of factors that a data set seems to lack, by the answers of the heads."""

import torch
from torch import Tensor

from submission.factors import is_axis
from submission.models.heads import Heads

__all__ = ["find_rare_values"]


@torch.no_grad()
def find_rare_values(heads: Heads, features: Tensor) -> list[tuple[str, int, float]]:
    """Lists the values that heads find in less than half as many images as an even share.

    The share of a value is its mean probability over the images. The axes are left out.

    Args:
        heads: F heads.
        features: (N, 512) of images drawn at random from the data set.

    Returns:
        Factor, value in 0..size-1, and share of the images in [0, 1] of each rare value.

    Example:
        >>> heads = Heads(("shape", "color"), (2, 2))
        >>> heads.biases[1][0] = -100.0
        >>> [rare[:2] for rare in find_rare_values(heads, torch.zeros(4, 512))]
        [('color', 0)]
    """
    rare = []
    for factor, probabilities in zip(heads.names, heads.probabilities(features), strict=True):
        if is_axis(factor):
            continue
        shares = probabilities.mean(dim=0).tolist()
        even = 1 / len(shares)
        rare += [(factor, v, share) for v, share in enumerate(shares) if share < even / 2]
    return rare
