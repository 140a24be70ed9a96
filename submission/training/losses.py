"""Losses, each with its reduction in its name or its first line."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["kl_divergence", "reconstruction_error", "summed_cross_entropy"]


def summed_cross_entropy(logits: Sequence[Tensor], factors: Tensor) -> Tensor:
    """Sums over factors the cross entropy averaged over the batch (paper, section 2.1).

    Args:
        logits: F tensors of (B, size).
        factors: (B, F) integer targets.

    Returns:
        A scalar in nats.
    """
    losses = [F.cross_entropy(row.float(), factors[:, j]) for j, row in enumerate(logits)]
    return torch.stack(losses).sum()


def reconstruction_error(decoded: Tensor, features: Tensor) -> Tensor:
    """Sums the squared error over dimensions and averages it over the batch (paper, section 2.3).

    Args:
        decoded: (B, D).
        features: (B, D).

    Returns:
        A scalar.
    """
    return (decoded - features).square().sum(dim=1).mean()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Sums over latents, and averages over the batch, the divergence from a standard Gaussian.

    Args:
        mean: (B, C).
        log_variance: (B, C) natural logarithms.

    Returns:
        A scalar in nats.
    """
    per_latent = 1 + log_variance - mean.square() - log_variance.exp()  # (B, C)
    return -0.5 * per_latent.sum(dim=1).mean()
