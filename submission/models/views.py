"""Views of a feature vector: what each head of the finetuned classifier can tell apart."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from submission.models.extractor import Heads

__all__ = ["Views", "views_of_heads"]


class Views(nn.Module):
    """Maps (B, D) features to (B, G * W), one view of W numbers per head; short ones end in zeros.

    Args:
        weight: (G, W, D) directions of each view.
        offset: (G, W) subtracted from what is seen.
        names: G factors that the heads classify.
    """

    def __init__(self, weight: Tensor, offset: Tensor, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.num_views, self.width = offset.shape
        self.register_buffer("weight", weight.flatten(0, 1).contiguous())
        self.register_buffer("offset", offset.flatten().contiguous())

    def forward(self, features: Tensor) -> Tensor:
        """Returns (B, G * W) views."""
        weight, offset = cast(Tensor, self.weight), cast(Tensor, self.offset)
        return nn.functional.linear(features, weight) - offset

    def directions(self) -> tuple[Tensor, Tensor]:
        """Returns the (G, D, W) directions and (G, 1, W) offsets."""
        weight, offset = cast(Tensor, self.weight), cast(Tensor, self.offset)
        grouped = weight.view(self.num_views, self.width, -1)
        return grouped.transpose(1, 2), offset.view(self.num_views, 1, self.width)


@torch.no_grad()
def views_of_heads(heads: Heads, features: Tensor) -> Views:
    """Finds the views of the heads on a domain, scaled to unit variance on its features.

    Adding the same to all logits of a head changes none of its predictions, so that direction is
    left out; what remains is turned so that a view's first number varies most.

    Args:
        heads: G classifiers of D features.
        features: (N, D) unlabelled features of the domain.

    Returns:
        G views of W = max(size) - 1 numbers; the variances of a view's numbers sum to 1.
    """
    width = max(len(weight) for weight in heads.weights) - 1
    centre = features.mean(dim=0)
    covariance = torch.cov(features.T)  # (D, D)
    rows, offsets = [], []
    for weight in heads.weights:
        contrasts = weight - weight.mean(dim=0)  # (size, D)
        values, directions = torch.linalg.eigh(contrasts @ covariance @ contrasts.T)
        kept = len(weight) - 1
        turned = directions.flip(1)[:, :kept].T @ contrasts  # (size - 1, D)
        turned = turned / values.sum().clamp_min(1e-12).sqrt()
        row = features.new_zeros(width, features.shape[1])
        row[:kept] = turned
        rows.append(row)
        offsets.append(row @ centre)
    return Views(torch.stack(rows), torch.stack(offsets), heads.names)
