"""A beta-VAE whose latents each encode and decode a view of their own of the feature vector.

The heads that finetuning trained say which directions of the feature space tell one factor's
values apart. A view is the feature seen along one head's directions. Where features are a sum of
parts that each depend on one factor, latents that share no view cannot mix factors (compare the
additive decoders of Lachapelle et al. 2023). Which values exist on the target domain, how they are
ordered and how far apart they lie is learnt from its unlabelled features alone.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from submission.models.vae import FeatureVAE, Posterior

__all__ = ["GroupedVAE", "Views", "views_of_heads"]


class Views(nn.Module):
    """Maps (B, D) features to (B, G * W), one view of W numbers per head; short ones end in zeros.

    Args:
        weight: (G, W, D) directions of each view.
        offset: (G, W) subtracted from what is seen.
    """

    def __init__(self, weight: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.num_views, self.width = offset.shape
        self.register_buffer("weight", weight.flatten(0, 1).contiguous())
        self.register_buffer("offset", offset.flatten().contiguous())

    def forward(self, features: Tensor) -> Tensor:
        """Returns (B, G * W) views."""
        weight, offset = cast(Tensor, self.weight), cast(Tensor, self.offset)
        return nn.functional.linear(features, weight) - offset


@torch.no_grad()
def views_of_heads(weights: Sequence[Tensor], features: Tensor) -> Views:
    """Finds the views of the heads on a domain, scaled to unit variance on its features.

    Adding the same to all logits of a head changes none of its predictions, so that direction is
    left out; what remains is turned so that a view's first number varies most.

    Args:
        weights: G tensors (size, D), the heads' weights.
        features: (N, D) unlabelled features of the domain.

    Returns:
        G views of W = max(size) - 1 numbers; the variances of a view's numbers sum to 1.
    """
    width = max(len(weight) for weight in weights) - 1
    centre = features.mean(dim=0)
    covariance = torch.cov(features.T)  # (D, D)
    rows, offsets = [], []
    for weight in weights:
        contrasts = weight - weight.mean(dim=0)  # (size, D)
        values, directions = torch.linalg.eigh(contrasts @ covariance @ contrasts.T)
        kept = len(weight) - 1
        turned = directions.flip(1)[:, :kept].T @ contrasts  # (size - 1, D)
        turned = turned / values.sum().clamp_min(1e-12).sqrt()
        row = features.new_zeros(width, features.shape[1])
        row[:kept] = turned
        rows.append(row)
        offsets.append(row @ centre)
    return Views(torch.stack(rows), torch.stack(offsets))


class _Means(nn.Module):
    """Maps (B, G * W) views to (B, G) posterior means, and gives the hidden units too."""

    def __init__(self, num_groups: int, width: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.hidden = nn.Sequential(*_grouped(width, widths, num_groups))
        self.straight = _layer(width, 1, num_groups, bias=False)
        self.bent = _layer(widths[-1], 1, num_groups)
        # A latent begins as its view's widest direction, which keeps the order along a curve.
        with torch.no_grad():
            self.straight.weight.zero_()[:, 0] = 1.0
            self.bent.weight.mul_(0.1)

    def forward(self, views: Tensor) -> Tensor:
        """Returns (B, G)."""
        return self.of(views, self.units(views))

    def units(self, views: Tensor) -> Tensor:
        """Returns (B, G * H, 1) hidden units."""
        units: Tensor = self.hidden(views.unsqueeze(2))
        return units

    def of(self, views: Tensor, units: Tensor) -> Tensor:
        """Returns (B, G) means, given the hidden units."""
        means: Tensor = self.straight(views.unsqueeze(2)) + self.bent(units)
        return means.flatten(1)


class GroupedVAE(FeatureVAE):
    """Encodes each of G views of a feature to a Gaussian latent of its own and decodes it.

    Args:
        views: what the latents see and what is reconstructed.
        encoder_widths: per view, widths of the encoder's hidden layers.
        decoder_widths: likewise of the decoder's.
    """

    def __init__(
        self, views: Views, encoder_widths: Sequence[int], decoder_widths: Sequence[int]
    ) -> None:
        groups, width = views.num_views, views.width
        super().__init__(groups)
        self.views = views
        self.means = _Means(groups, width, encoder_widths)
        self.log_variance = _layer(encoder_widths[-1], 1, groups)
        self.decoder = nn.Sequential(
            *_grouped(1, decoder_widths, groups), _layer(decoder_widths[-1], width, groups)
        )

    def encode(self, features: Tensor) -> Posterior:
        """Maps (B, D) features to the posterior of their (B, G) codes."""
        views = self.views(features)
        units = self.means.units(views)
        return Posterior(self.means.of(views, units), self.log_variance(units).flatten(1))

    def decode(self, codes: Tensor) -> Tensor:
        """Maps (B, G) codes to the (B, G * W) mean of the views."""
        decoded: Tensor = self.decoder(codes.unsqueeze(2))
        return decoded.flatten(1)

    def target(self, features: Tensor) -> Tensor:
        """Returns the (B, G * W) views of (B, D) features."""
        views: Tensor = self.views(features)
        return views

    def encoder(self) -> nn.Module:
        """Returns the part that maps (B, D) features to the (B, G) posterior means."""
        return nn.Sequential(self.views, self.means)


def _layer(num_in: int, num_out: int, num_groups: int, *, bias: bool = True) -> nn.Conv1d:
    """Makes a linear layer for each group; a grouped convolution holds them all."""
    return nn.Conv1d(num_groups * num_in, num_groups * num_out, 1, groups=num_groups, bias=bias)


def _grouped(num_in: int, widths: Sequence[int], num_groups: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for width in widths:
        layers += [
            _layer(num_in, width, num_groups, bias=False),
            nn.BatchNorm1d(num_groups * width),
            nn.ReLU(),
        ]
        num_in = width
    return layers
