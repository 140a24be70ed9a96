"""A beta-VAE whose latents each encode and decode a view of their own of the feature vector.

The heads that finetuning trained say which directions of the feature space tell one factor's
values apart. A view is the feature seen along one head's directions. Where features are a sum of
parts that each depend on one factor, latents that share no view cannot mix factors (compare the
additive decoders of Lachapelle et al. 2023). Which values exist on the target domain, how they are
ordered and how far apart they lie is learnt from its unlabelled features alone.

A latent on a line cannot always pass from one order of its values to a better one, and some starts
end with two values in one place. So each latent can be trained in several copies at once, of which
the one with the smallest loss is kept.
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
    """A linear layer for each of G groups: (G, B, num_in) to (G, B, num_out)."""

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
    """Batch normalisation of (G, B, H) over B."""

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
        """Returns the (G, 1, H) factor and summand that it amounts to in evaluation mode."""
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
    """Encodes each of G views of a feature to a Gaussian latent of its own and decodes it.

    Args:
        views: what the latents see and what is reconstructed.
        encoder_widths: per view, widths of the encoder's hidden layers.
        decoder_widths: likewise of the decoder's.
        num_copies: R, how often each latent is trained; codes are ordered by copy, then by view.
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
        # A first copy begins as its view's widest direction, which keeps the order along a curve,
        # the others as random ones: values that lie together in one direction are apart in another.
        with torch.no_grad():
            self.linear_mean.weight.normal_()[: views.num_views] = 0.0
            self.linear_mean.weight[: views.num_views, 0] = 1.0
            self.linear_mean.bias.zero_()
            self.residual_mean.weight.mul_(0.1)

    def encode(self, features: Tensor) -> Posterior:
        """Maps (B, D) features to the posterior of their (B, R * G) codes."""
        seen = self._seen(features)
        units = self.hidden(seen)
        means = self.linear_mean(seen) + self.residual_mean(units)
        return Posterior(_rows(means), _rows(self.log_variance(units)))

    def decode(self, codes: Tensor) -> Tensor:
        """Maps (B, R * G) codes to the (B, R * G * W) mean of the views."""
        return _rows(self.decoder(codes.T.unsqueeze(2)))

    def target(self, features: Tensor) -> Tensor:
        """Returns the (B, R * G * W) views of (B, D) features, the same for each copy."""
        return _rows(self._seen(features))

    def _seen(self, features: Tensor) -> Tensor:
        seen: Tensor = self.views(features)
        grouped = seen.view(len(seen), self.views.num_views, self.views.width).transpose(0, 1)
        return grouped.repeat(self.num_copies, 1, 1)  # (R * G, B, W)

    def keep(self, copies: Tensor) -> "GroupedVAE":
        """Makes a network of one copy of each latent, in evaluation mode.

        Args:
            copies: (G,), which one.
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
        seen = self.views(features)
        means: Tensor = self.linear_mean(seen) + self.residual_mean(seen)
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
    """Makes one layer of (G, I, O) weights that each see their own part of the input."""
    blocks: Tensor = torch.block_diag(*weight.transpose(1, 2))  # type: ignore[no-untyped-call]
    layer = nn.Linear(blocks.shape[1], blocks.shape[0])
    layer.load_state_dict({"weight": blocks.detach(), "bias": bias.detach().flatten()})
    return layer
