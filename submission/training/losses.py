"""Losses, each with its reduction in its name or its first line."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["beta_vae_loss", "kl_divergence", "reconstruction_error", "summed_cross_entropy"]


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


def beta_vae_loss(
    error: Tensor,
    divergence: Tensor,
    beta: float | Tensor,
    num_latents: int,
    reduction: str = "mean",
    batch_size: int = 1,
) -> Tensor:
    """Adds the two terms; the second is weighted by beta and divided by C (paper, section 2.3).

    Args:
        error: reconstruction error averaged over the batch.
        divergence: KL divergence averaged over the batch.
        beta: weight of the divergence.
        num_latents: C.
        reduction: "mean" over the batch, or "sum" over it, of both terms.
        batch_size: B; a sum has B times the size of a mean.

    Returns:
        A scalar.
    """
    loss = error + beta * divergence / num_latents
    return loss * batch_size if reduction == "sum" else loss
