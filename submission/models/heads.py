"""The heads: one linear classifier for each factor on the extractor's feature (paper, 2.1)."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from submission.errors import InputError
from submission.models.extractor import FEATURE_SIZE
from submission.models.vae import Encoder

__all__ = ["ExpectedValues", "Heads"]


class Heads(nn.Module):
    """Maps a feature to logits of every factor's values.

    Head `f` computes `logits[f] = scale * weights[f] @ feature + biases[f]`.

    Args:
        names: the F factors, in the order of the grid.
        sizes: how many values each factor has.
        scale: fixed factor on the feature, 1 in the paper. A feature of unit length bounds the
            logits. A trunk with random weights learns only if the bound is loose, such as 16.

    Raises:
        InputError: if there is no factor, or not one size for each.

    Example:
        >>> heads = Heads(("shape", "color"), (3, 6))
        >>> [tuple(logits.shape) for logits in heads(torch.rand(2, 512))]
        [(2, 3), (2, 6)]
    """

    def __init__(self, names: Sequence[str], sizes: Sequence[int], scale: float = 1.0) -> None:
        super().__init__()
        if not names or len(names) != len(sizes):
            raise InputError(f"expected one size for each of the factors {names}, got {sizes}")
        self.names, self.sizes, self.scale = tuple(names), tuple(sizes), scale
        self.layers = nn.ModuleList(nn.Linear(FEATURE_SIZE, size) for size in sizes)
        for layer in self.layers:
            nn.init.kaiming_uniform_(cast(nn.Linear, layer).weight, nonlinearity="relu")
            nn.init.zeros_(cast(nn.Linear, layer).bias)
        # A buffer, because a traced network would keep the device of a tensor made in `forward`.
        self.register_buffer("values", torch.arange(float(max(sizes))), persistent=False)

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """F tensors (size, 512) that share the layers' memory, without gradients."""
        return tuple(cast(nn.Linear, layer).weight.detach() for layer in self.layers)

    @property
    def biases(self) -> tuple[Tensor, ...]:
        """F tensors (size,) that share the layers' memory, without gradients."""
        return tuple(cast(nn.Linear, layer).bias.detach() for layer in self.layers)

    def forward(self, features: Tensor) -> list[Tensor]:
        """Maps (B, 512) features to F tensors of (B, size) logits."""
        scaled = features * self.scale
        return [layer(scaled) for layer in self.layers]

    def probabilities(self, features: Tensor) -> list[Tensor]:
        """Maps (B, 512) features to F tensors (B, size) of the values' probabilities."""
        # Not `self(features)`: a traced network would unpack the list that a submodule returns.
        return [logits.softmax(dim=1) for logits in self.forward(features)]

    def expected_values(self, features: Tensor) -> Tensor:
        """Maps (B, 512) features to the (B, F) means of the values' distributions.

        Values are numbered from 0, so a mean lies in [0, size - 1].
        """
        values = cast(Tensor, self.values)
        rows = self.probabilities(features)
        means = [row @ values[:size] for row, size in zip(rows, self.sizes, strict=True)]
        return torch.stack(means, dim=1)

    @torch.no_grad()
    def load(self, earlier: "Heads") -> None:
        """Copies earlier heads of the same sizes; the logits stay, whatever the two scales."""
        ratio = earlier.scale / self.scale
        for weight, bias, new_weight, new_bias in zip(
            self.weights, self.biases, earlier.weights, earlier.biases, strict=True
        ):
            weight.copy_(new_weight * ratio)
            bias.copy_(new_bias)


class ExpectedValues(Encoder):
    """A representation without a VAE: the value that each head expects of its factor.

    Nothing is learned from the data set. It shows what the heads alone know.

    Args:
        heads: F heads.

    Example:
        >>> encoder = ExpectedValues(Heads(("shape", "color"), (3, 6)))
        >>> tuple(encoder(torch.rand(2, 512)).shape)
        (2, 2)
    """

    def __init__(self, heads: Heads) -> None:
        super().__init__(len(heads.names))
        self.heads = heads

    def forward(self, features: Tensor) -> Tensor:
        """Returns the (B, F) expected values, each in [0, size - 1]."""
        return self.heads.expected_values(features)
