"""Views of a feature vector: what each head of the finetuned classifier can tell apart."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from submission.models.heads import Heads

__all__ = ["VIEWS", "Views", "views_of_heads"]

VIEWS = ("plain", "unit", "separate")


class Views(nn.Module):
    """Maps (B, D) features to (B, G * W), one view of W numbers per head; short ones end in zeros.

    Args:
        weight: (G, W, D) directions of each view.
        offset: (G, W) subtracted from what is seen.
        names: G factors that the heads classify.
        are_unit: (G,) whether a view is divided by its length.
    """

    def __init__(
        self, weight: Tensor, offset: Tensor, names: Sequence[str], are_unit: Tensor
    ) -> None:
        super().__init__()
        self.names = tuple(names)
        self.num_views, self.width = offset.shape
        self.register_buffer("weight", weight.flatten(0, 1).contiguous())
        self.register_buffer("offset", offset.flatten().contiguous())
        self.register_buffer("are_unit", are_unit[:, None].to(weight.dtype))

    def forward(self, features: Tensor) -> Tensor:
        """Returns (B, G * W) views."""
        weight, offset = cast(Tensor, self.weight), cast(Tensor, self.offset)
        seen = F.linear(features, weight) - offset
        seen = seen.view(-1, self.num_views, self.width)
        lengths = seen.square().sum(dim=2, keepdim=True).clamp_min(1e-12).sqrt()
        return (seen / lengths.pow(cast(Tensor, self.are_unit))).flatten(1)


@torch.no_grad()
def views_of_heads(heads: Heads, features: Tensor, kind: str = "separate") -> Views:
    """Finds the views of the heads on a domain, of unit variance on its features or unit length.

    Adding the same to all logits of a head changes none of its predictions, so that direction is
    left out; what remains is turned so that a view's first number varies most.

    Args:
        heads: G classifiers of D features.
        features: (N, D) unlabelled features of the domain.
        kind: "plain", a view is the feature along its head's directions; "unit", one of several
            numbers is also divided by its length, which tells how sure the head is, not of what;
            "separate", its directions are also changed to see no other factor (`_separated`).

    Returns:
        G views of W = max(size) - 1 numbers; the variances of a view's numbers sum to 1 before it
        is divided by its length.
    """
    width = max(len(weight) for weight in heads.weights) - 1
    centre = features.mean(dim=0)
    covariance = torch.cov(features.T)  # (D, D)
    contrasts = [_scaled(weight - weight.mean(dim=0), covariance) for weight in heads.weights]
    if kind == "separate":
        contrasts = [_scaled(row, covariance) for row in _separated(heads, contrasts, features)]
    rows = []
    for contrast in contrasts:
        _, directions = torch.linalg.eigh(contrast @ covariance @ contrast.T)
        kept = len(contrast) - 1
        row = features.new_zeros(width, features.shape[1])
        row[:kept] = directions.flip(1)[:, :kept].T @ contrast  # (size - 1, D)
        rows.append(row)
    weight = torch.stack(rows)
    are_unit = [kind != "plain" and len(contrast) > 2 for contrast in contrasts]
    return Views(weight, weight @ centre, heads.names, torch.tensor(are_unit))


def _scaled(contrast: Tensor, covariance: Tensor) -> Tensor:
    """Scales (size, D) directions so that the variances along them sum to 1."""
    variance = ((contrast @ covariance) * contrast).sum()
    return contrast / variance.clamp_min(1e-12).sqrt()


def _separated(heads: Heads, contrasts: Sequence[Tensor], features: Tensor) -> list[Tensor]:
    """Takes off each view what the others tell of it where its own head's answer is the same.

    Where factors vary independently, as in a grid, what a view still has in common with the others
    while its own factor keeps its value comes from their factors (the partial regression of Frisch
    and Waugh 1933, with a ridge of M / N). A head's answers stand for the values.

    Args:
        heads: G classifiers of D features.
        contrasts: for each its (size, D) directions.
        features: (N, D) unlabelled features.

    Returns:
        The changed directions.
    """
    seen = [features @ contrast.T for contrast in contrasts]  # (N, size) each
    separated = []
    for number, contrast in enumerate(contrasts):
        logits = heads.scale * features @ heads.weights[number].T + heads.biases[number]
        values = F.one_hot(logits.argmax(dim=1), len(contrast)).to(features.dtype)  # (N, size)
        others = [place for place in range(len(contrasts)) if place != number]
        own = _less_means(seen[number], values)
        rest = _less_means(torch.cat([seen[place] for place in others], dim=1), values)  # (N, M)
        gram = rest.T @ rest / len(rest)
        ridge = len(gram) / len(rest) * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        told = torch.linalg.solve(gram + ridge, rest.T @ own / len(rest))  # (M, size)
        separated.append(contrast - told.T @ torch.cat([contrasts[place] for place in others]))
    return separated


def _less_means(rows: Tensor, values: Tensor) -> Tensor:
    """Subtracts from (N, M) rows the mean of those with the same value, (N, size) one-hot."""
    means = (values.T @ rows) / values.sum(dim=0).clamp_min(1)[:, None]
    return rows - values @ means
