"""Losses. The name or the first line of each says how it is reduced."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Categorical
from torch.nn import functional as F

__all__ = [
    "beta_vae_loss",
    "divergence_per_latent",
    "information_loss",
    "kl_divergence",
    "reconstruction_error",
    "soft_targets",
    "summed_cross_entropy",
]


def summed_cross_entropy(
    logits: Sequence[Tensor], factors: Tensor, softness: Sequence[float]
) -> Tensor:
    """Sums over factors the cross entropy averaged over the batch (paper, section 2.1).

    Args:
        logits: F tensors of (B, size).
        factors: (B, F) integer targets; below 0 where unknown, which counts for nothing.
        softness: per factor, the spread of its targets, see `soft_targets`; 0 means the paper's
            one-hot targets.

    Returns:
        A scalar in nats.

    Example:
        >>> logits = [torch.zeros(1, 2), torch.zeros(1, 4)]  # every value equally likely
        >>> summed_cross_entropy(logits, torch.tensor([[0, 3]]), softness=[0.0, 0.0])  # log 8
        tensor(2.0794)
        >>> summed_cross_entropy(logits, torch.tensor([[0, -1]]), softness=[0.0, 0.0])  # log 2
        tensor(0.6931)
    """
    losses = []
    for j, (row, spread) in enumerate(zip(logits, softness, strict=True)):
        known = factors[:, j] >= 0
        hard = factors[:, j].clamp_min(0)
        target = soft_targets(hard, row.shape[1], spread) if spread > 0 else hard
        own = F.cross_entropy(row.float(), target, reduction="none") * known
        losses.append(own.sum() / known.sum().clamp_min(1))
    return torch.stack(losses).sum()


def soft_targets(values: Tensor, size: int, spread: float) -> Tensor:
    """Spreads the targets of an ordered factor over neighbouring values.

    A near miss costs less than a far one, so features follow the factor's order.

    Args:
        values: (B,) integers in 0..size-1.
        size: number of the factor's values.
        spread: standard deviation of the Gaussian over values, above 0.

    Returns:
        (B, size) rows that sum to 1, each largest at its value.

    Example:
        >>> soft_targets(torch.tensor([0, 1]), size=3, spread=0.5).round(decimals=2)
        tensor([[0.8800, 0.1200, 0.0000],
                [0.1100, 0.7900, 0.1100]])
    """
    distance = torch.arange(size, device=values.device) - values[:, None]  # (B, size)
    return torch.softmax(-0.5 * (distance / spread).square(), dim=1)


def information_loss(logits: Tensor) -> Tensor:
    """Computes the negative information that the answers hold about the images of the batch.

    With p[b] the softmax of row b and H the entropy, the loss is
    mean over b of H(p[b]) - H(mean over b of p[b]) (Liang et al. 2020, equations 3 and 4). It is
    smallest when each answer is certain and all values are equally frequent.

    Args:
        logits: (B, size).

    Returns:
        A scalar in nats.

    Example:
        >>> information_loss(torch.tensor([[99.0, 0.0], [0.0, 99.0]]))  # certain: -log 2
        tensor(-0.6931)
        >>> information_loss(torch.zeros(2, 2))
        tensor(0.)
    """
    answers = Categorical(logits=logits, validate_args=False)
    mean = Categorical(probs=answers.probs.mean(dim=0), validate_args=False)
    loss: Tensor = answers.entropy().mean() - mean.entropy()  # type: ignore[no-untyped-call]
    return loss


def reconstruction_error(decoded: Tensor, features: Tensor) -> Tensor:
    """Sums the squared error over dimensions and averages it over the batch (paper, section 2.3).

    Args:
        decoded: (B, D).
        features: (B, D).

    Returns:
        A scalar.

    Example:
        >>> reconstruction_error(torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.zeros(2, 2))
        tensor(3.)
    """
    return (decoded - features).square().sum(dim=1).mean()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Sums over latents, and averages over the batch, the divergence from a standard Gaussian.

    Args:
        mean: (B, C).
        log_variance: (B, C) natural logarithms.

    Returns:
        A scalar in nats.

    Example:
        >>> kl_divergence(mean=torch.tensor([[1.0, 2.0]]), log_variance=torch.zeros(1, 2))
        tensor(2.5000)
    """
    return divergence_per_latent(mean, log_variance).sum(dim=1).mean()


def divergence_per_latent(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Computes the divergence of each latent from a standard Gaussian.

    Args:
        mean: (B, C).
        log_variance: (B, C) natural logarithms.

    Returns:
        (B, C) in nats.

    Example:
        >>> divergence_per_latent(mean=torch.tensor([[1.0, 2.0]]), log_variance=torch.zeros(1, 2))
        tensor([[0.5000, 2.0000]])
    """
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp())


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
        batch_size: B, by which a sum exceeds a mean.

    Returns:
        A scalar.

    Example:
        >>> beta_vae_loss(torch.tensor(1.0), torch.tensor(6.0), beta=0.5, num_latents=3)
        tensor(2.)
    """
    loss = error + beta * divergence / num_latents
    return loss * batch_size if reduction == "sum" else loss
