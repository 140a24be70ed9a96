"""Views: the feature projected onto the directions in which a head tells values apart."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from submission.models.extractor import row_lengths
from submission.models.heads import Heads

__all__ = ["Views", "views_of_heads"]


class Views(nn.Module):
    """Maps (B, D) features to G views of W numbers each, (B, G * W).

    View `g` is `weight[g] @ feature - offset[g]`. It is divided by its length if `are_unit[g]`.

    Args:
        weight: (G, W, D) directions of each view; zeros where a view has fewer than W.
        offset: (G, W) projections of the mean feature.
        names: G factors, one for each view.
        are_unit: (G,) whether a view is divided by its length.

    Example:
        >>> views = Views(torch.eye(2)[None], torch.zeros(1, 2), ("shape",), torch.tensor([True]))
        >>> views(torch.tensor([[3.0, 4.0]]))  # divided by its length of 5
        tensor([[0.6000, 0.8000]])
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
        views = F.linear(features, weight) - offset
        views = views.view(-1, self.num_views, self.width)
        lengths = row_lengths(views, dim=2).pow(cast(Tensor, self.are_unit))  # 1 if not unit
        return (views / lengths).flatten(1)


@torch.no_grad()
def views_of_heads(heads: Heads, features: Tensor, kind: str) -> Views:
    """Makes one view of each head, scaled by the features of the data set.

    A head's directions are its weight vectors minus their mean, since adding the same number to
    all logits changes no prediction. They are rotated so that a view's first number varies most.

    Args:
        heads: G heads.
        features: (N, 512) unlabelled features of the data set.
        kind: "plain": a view is the feature projected onto its head's directions. "unit": a view
            of several numbers is also divided by its length, which says how certain the head is,
            not of which value. "separate": the part that other heads predict is also regressed
            out of the directions.

    Returns:
        G views of W = max(size) - 1 numbers. The variances of a view's numbers sum to 1 before it
        is divided by its length.

    Example:
        >>> heads = Heads(("shape", "color"), (3, 6))
        >>> views = views_of_heads(heads, torch.rand(100, 512), "separate")
        >>> tuple(views(torch.rand(2, 512)).shape)  # 2 views of 5 numbers
        (2, 10)
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
    """Subtracts from each view the part that the other views predict.

    The part is found by a regression among features with the same value of the view's own factor,
    for which the head's prediction stands (partial regression, Frisch and Waugh 1933, with a ridge
    of M / N). In a grid the factors are independent. So what views share there comes from the
    other factors.

    Args:
        heads: G heads.
        contrasts: the (size, D) directions of each.
        features: (N, D) unlabelled features.

    Returns:
        The changed directions.
    """
    projections = [features @ contrast.T for contrast in contrasts]  # (N, size) each
    separated = []
    for number, (contrast, logits) in enumerate(zip(contrasts, heads(features), strict=True)):
        values = F.one_hot(logits.argmax(dim=1), len(contrast)).to(features.dtype)  # (N, size)
        others = [place for place in range(len(contrasts)) if place != number]
        own = _less_means(projections[number], values)
        rest = _less_means(
            torch.cat([projections[place] for place in others], dim=1), values
        )  # (N, M)
        gram = rest.T @ rest / len(rest)
        ridge = len(gram) / len(rest) * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        slopes = torch.linalg.solve(gram + ridge, rest.T @ own / len(rest))  # (M, size)
        separated.append(contrast - slopes.T @ torch.cat([contrasts[place] for place in others]))
    return separated


def _less_means(rows: Tensor, values: Tensor) -> Tensor:
    """Subtracts from (N, M) rows the mean of rows with the same value, (N, size) one-hot."""
    means = (values.T @ rows) / values.sum(dim=0).clamp_min(1)[:, None]
    return rows - values @ means
