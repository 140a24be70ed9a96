"""A beta-VAE in which each latent sees only one view of the feature.

A view is the feature projected onto one head's directions, which tell one factor's values apart.
Each latent has its own small encoder and decoder, for its view alone. Suppose that a feature is a
sum of parts that each depend on one factor. Then latents that share no view cannot mix factors
(compare the additive decoders of Lachapelle et al. 2023). The unlabelled features of the data set
alone decide which values exist, in which order they lie, and how far apart.

A latent can get stuck in a poor order of the values, or with two values in one place. So several
copies of each latent can be trained at once, and the one with the lowest loss is kept.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from submission.errors import InputError
from submission.models.vae import FeatureVAE, Posterior, encoder_of
from submission.models.views import Views

__all__ = ["GroupedVAE"]


class _Linear(nn.Module):
    """G linear layers side by side: (G, B, num_in) to (G, B, num_out)."""

    def __init__(self, num_groups: int, num_in: int, num_out: int) -> None:
        super().__init__()
        bound = num_in**-0.5
        shapes = (num_groups, num_in, num_out), (num_groups, 1, num_out)
        weight, bias = (nn.init.uniform_(torch.empty(shape), -bound, bound) for shape in shapes)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, units: Tensor) -> Tensor:
        """Returns (G, B, num_out)."""
        return torch.baddbmm(self.bias, units, self.weight)


class _Norm(nn.Module):
    """Batch normalisation of (G, B, H) over the batch."""

    def __init__(self, num_groups: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_groups, width))
        self.bias = nn.Parameter(torch.zeros(num_groups, width))
        self.register_buffer("mean", torch.zeros(num_groups, width))
        self.register_buffer("variance", torch.ones(num_groups, width))

    def forward(self, units: Tensor) -> Tensor:
        """Returns (G, B, H)."""
        rows = units.transpose(0, 1)
        normalised = F.batch_norm(
            rows.flatten(1),
            cast(Tensor, self.mean).view(-1),
            cast(Tensor, self.variance).view(-1),
            self.weight.view(-1),
            self.bias.view(-1),
            self.training,
        )
        return normalised.view(rows.shape).transpose(0, 1)

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """Returns (G, 1, H) `scale`, `shift`: evaluation mode computes `scale * units + shift`."""
        scale = self.weight / (cast(Tensor, self.variance) + 1e-5).sqrt()
        shift = self.bias - scale * cast(Tensor, self.mean)
        return scale.unsqueeze(1), shift.unsqueeze(1)


def _hidden(num_groups: int, num_in: int, widths: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        layers += [_Linear(num_groups, num_in, width), _Norm(num_groups, width), nn.ReLU()]
        num_in = width
    return nn.Sequential(*layers)


class GroupedVAE(FeatureVAE):
    """Encodes each of G views to its own Gaussian latent and decodes it.

    The posterior mean is `linear_mean(view) + residual_mean(hidden(view))`.

    Args:
        views: G views, which the latents see and the decoder reconstructs.
        encoder_widths: widths of each latent's hidden layers in the encoder.
        decoder_widths: widths of each latent's hidden layers in the decoder.
        num_copies: R, how many copies of each latent are trained. Codes are ordered by copy, then
            by view.

    Example:
        >>> views = Views(torch.rand(2, 3, 8), torch.zeros(2, 3), ("shape", "color"), torch.ones(2))
        >>> vae = GroupedVAE(views, encoder_widths=(4,), decoder_widths=(4,), num_copies=3)
        >>> tuple(vae.encode(torch.rand(5, 8)).mean.shape)  # 3 copies of 2 latents
        (5, 6)
        >>> vae.keep(torch.tensor([2, 0])).num_codes
        2
    """

    def __init__(
        self,
        views: Views,
        encoder_widths: Sequence[int],
        decoder_widths: Sequence[int],
        num_copies: int = 1,
    ) -> None:
        super().__init__(views.num_views, num_copies)
        self.views = views
        self._widths = tuple(encoder_widths), tuple(decoder_widths)
        groups, width = num_copies * views.num_views, views.width
        self.hidden = _hidden(groups, width, encoder_widths)
        self.linear_mean = _Linear(groups, width, 1)
        self.residual_mean = _Linear(groups, encoder_widths[-1], 1)
        self.log_variance = _Linear(groups, encoder_widths[-1], 1)
        self.decoder = nn.Sequential(
            _hidden(groups, 1, decoder_widths), _Linear(groups, decoder_widths[-1], width)
        )
        # A first copy begins as its view's widest direction, which keeps the order along a curve.
        # The others begin as random directions, which may separate values that coincide in it.
        with torch.no_grad():
            self.linear_mean.weight.normal_()[: views.num_views] = 0.0
            self.linear_mean.weight[: views.num_views, 0] = 1.0
            self.linear_mean.bias.zero_()
            self.residual_mean.weight.mul_(0.1)

    def encode(self, features: Tensor) -> Posterior:
        """Maps (B, D) features to the posterior of their (B, R * G) codes."""
        views = self._views_of(features)
        units = self.hidden(views)
        means = self.linear_mean(views) + self.residual_mean(units)
        return Posterior(_rows(means), _rows(self.log_variance(units)))

    def decode(self, codes: Tensor) -> Tensor:
        """Maps (B, R * G) codes to the (B, R * G * W) mean of the views."""
        return _rows(self.decoder(codes.T.unsqueeze(2)))

    def target(self, features: Tensor) -> Tensor:
        """Returns the (B, R * G * W) views of (B, D) features, the same for each copy."""
        return _rows(self._views_of(features))

    def _views_of(self, features: Tensor) -> Tensor:
        views: Tensor = self.views(features)
        grouped = views.view(len(views), self.views.num_views, self.views.width).transpose(0, 1)
        return grouped.repeat(self.num_copies, 1, 1)  # (R * G, B, W)

    def keep(self, copies: Tensor) -> "GroupedVAE":
        """Makes a network of one copy of each latent, in evaluation mode.

        Args:
            copies: (G,) number of each latent's copy, in 0..R-1.
        """
        groups = copies.cpu() * self.num_latents + torch.arange(self.num_latents)
        kept = GroupedVAE(self.views, *self._widths)
        kept.load_state_dict(
            {
                name: value if name.startswith("views.") else value[groups.to(value.device)]
                for name, value in self.state_dict().items()
            }
        )
        return kept.to(next(self.parameters()).device).eval()


class _Encoder(nn.Module):
    """The encoder of a `GroupedVAE`: its views, then linear layers and ReLUs."""

    def __init__(self, vae: GroupedVAE) -> None:
        super().__init__()
        self.views = vae.views
        self.linear_mean = _diagonal(vae.linear_mean.weight, vae.linear_mean.bias)
        layers: list[nn.Module] = []
        for linear, norm in zip(vae.hidden[::3], vae.hidden[1::3], strict=True):
            linear, norm = cast(_Linear, linear), cast(_Norm, norm)
            scale, shift = norm.scale_and_shift()
            layers.append(_diagonal(scale * linear.weight, scale * linear.bias + shift))
            layers.append(nn.ReLU())
        self.residual_mean = nn.Sequential(
            *layers, _diagonal(vae.residual_mean.weight, vae.residual_mean.bias)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Returns (B, G)."""
        views = self.views(features)
        means: Tensor = self.linear_mean(views) + self.residual_mean(views)
        return means


@encoder_of.register
def _(vae: GroupedVAE) -> nn.Module:
    """Makes a network of views, linear layers and ReLUs; batch norms are folded."""
    if vae.num_copies > 1:
        raise InputError(f"expected one copy of each latent, got {vae.num_copies}")
    return _Encoder(vae)


def _rows(units: Tensor) -> Tensor:
    """Maps (G, B, H) to (B, G * H)."""
    return units.transpose(0, 1).flatten(1)


def _diagonal(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Makes one linear layer of G layers (G, I, O); each sees its own part of the input."""
    blocks: Tensor = torch.block_diag(*weight.transpose(1, 2))  # type: ignore[no-untyped-call]
    layer = nn.Linear(blocks.shape[1], blocks.shape[0])
    layer.load_state_dict({"weight": blocks.detach(), "bias": bias.detach().flatten()})
    return layer
