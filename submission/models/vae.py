"""The beta-VAE on feature vectors (paper, section 2.3)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import singledispatch
from typing import NamedTuple

from torch import Tensor, nn

__all__ = ["VAE", "Encoder", "FeatureVAE", "Posterior", "encoder_of", "initialise_orthogonally"]


class Posterior(NamedTuple):
    """Factorised Gaussians: (B, C) means and (B, C) logarithms of variances.

    Example:
        >>> import torch
        >>> posterior = Posterior(mean=torch.tensor([[3.0]]), log_variance=torch.tensor([[0.0]]))
        >>> posterior.sample(noise=torch.tensor([[2.0]]))
        tensor([[5.]])
    """

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Computes codes `mean + noise * exp(log_variance / 2)` from (B, C) standard noise."""
        return self.mean + noise * (0.5 * self.log_variance).exp()


def _layers(num_in: int, widths: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(num_in, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
        num_in = width
    return nn.Sequential(*layers)


class Encoder(nn.Module, ABC):
    """Maps (B, D) features to (B, C) codes, the representation.

    Args:
        num_latents: C.
    """

    def __init__(self, num_latents: int) -> None:
        super().__init__()
        self.num_latents = num_latents

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Returns (B, C) codes."""


class FeatureVAE(Encoder):
    """A VAE on (B, D) features with C Gaussian latents.

    Args:
        num_latents: C.
        num_copies: R, how many copies of each latent are trained at once. A representation has
            one copy of each.
    """

    def __init__(self, num_latents: int, num_copies: int = 1) -> None:
        super().__init__(num_latents)
        self.num_copies = num_copies

    @property
    def num_codes(self) -> int:
        """R * C, how many numbers `encode` gives for a feature."""
        return self.num_copies * self.num_latents

    @abstractmethod
    def encode(self, features: Tensor) -> Posterior:
        """Maps (B, D) features to the posterior of their (B, R * C) codes."""

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """Maps (B, R * C) codes to the mean of the distribution of `target`, given the codes."""

    @abstractmethod
    def target(self, features: Tensor) -> Tensor:
        """Returns what the decoder reconstructs of (B, D) features."""

    def forward(self, features: Tensor) -> Tensor:
        """Returns the representation: the (B, C) posterior means."""
        return self.encode(features).mean


class VAE(FeatureVAE):
    """The paper's beta-VAE: all latents see the whole (B, D) feature.

    Args:
        num_inputs: D, length of a feature vector.
        num_latents: C.
        encoder_widths: widths of the encoder's hidden layers.
        decoder_widths: widths of the decoder's hidden layers.
        sigmoid: whether the decoded mean is limited to (0, 1).

    Example:
        >>> import torch
        >>> vae = VAE(num_inputs=6, num_latents=2, encoder_widths=(4,), decoder_widths=(4,))
        >>> mean, log_variance = vae.encode(torch.rand(3, 6))
        >>> tuple(mean.shape), tuple(vae.decode(mean).shape)
        ((3, 2), (3, 6))
    """

    def __init__(
        self,
        num_inputs: int = 512,
        num_latents: int = 16,
        encoder_widths: Sequence[int] = (1024, 1024, 1024, 1024),
        decoder_widths: Sequence[int] = (1024, 1024, 1024, 1024),
        *,
        sigmoid: bool = True,
    ) -> None:
        super().__init__(num_latents)
        self.hidden = _layers(num_inputs, encoder_widths)
        self.mean = nn.Linear(encoder_widths[-1], num_latents)
        self.log_variance = nn.Linear(encoder_widths[-1], num_latents)
        output: list[nn.Module] = [nn.Linear(decoder_widths[-1], num_inputs)]
        self.decoder = nn.Sequential(
            _layers(num_latents, decoder_widths), *output, *([nn.Sigmoid()] if sigmoid else [])
        )

    def encode(self, features: Tensor) -> Posterior:
        """Maps (B, D) features to the posterior of their (B, C) codes."""
        hidden = self.hidden(features)
        return Posterior(self.mean(hidden), self.log_variance(hidden))

    def decode(self, codes: Tensor) -> Tensor:
        """Maps (B, C) codes to the (B, D) mean of the features, given the codes."""
        decoded: Tensor = self.decoder(codes)
        return decoded

    def target(self, features: Tensor) -> Tensor:
        """Returns the features themselves."""
        return features


@singledispatch
def encoder_of(encoder: Encoder) -> nn.Module:
    """Returns the part of an encoder that is exported: it maps (B, D) features to (B, C) codes.

    Of a VAE this is the way to the posterior means. Any other encoder is exported as it is.

    Args:
        encoder: trained, in evaluation mode.

    Raises:
        InputError: if a `GroupedVAE` still has several copies of each latent.

    Example:
        >>> import torch
        >>> vae = VAE(num_inputs=6, num_latents=2, encoder_widths=(4,), decoder_widths=(4,)).eval()
        >>> features = torch.rand(3, 6)
        >>> torch.equal(encoder_of(vae)(features), vae(features))
        True
    """
    return encoder


@encoder_of.register
def _(vae: VAE) -> nn.Module:
    return nn.Sequential(vae.hidden, vae.mean)


def initialise_orthogonally(module: nn.Module) -> None:
    """Gives every linear layer an orthogonal weight and a zero bias (Saxe et al. 2013).

    Args:
        module: the network, changed in place; PyTorch's own generator gives the numbers.

    Example:
        >>> import torch
        >>> layer = nn.Linear(3, 3)
        >>> initialise_orthogonally(layer)
        >>> torch.allclose(layer.weight @ layer.weight.T, torch.eye(3), atol=1e-6)
        True
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
