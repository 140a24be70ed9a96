"""The finetuned classifiers' own answers as a code: a reference for what a VAE finds."""

import math
from typing import cast

import torch
from torch import Tensor, nn

from submission.models.extractor import Heads
from submission.models.vae import Encoder

__all__ = ["HeadCodes"]


class HeadCodes(Encoder):
    """Maps a feature to the value that each head expects of its factor.

    Nothing is learnt from the data set. The numbers of values are those of the simulation.

    Args:
        heads: the classifiers.
    """

    def __init__(self, heads: Heads) -> None:
        super().__init__(len(heads.weights))
        self.classifiers = nn.ModuleList()
        for weight, bias in zip(heads.weights, heads.biases, strict=True):
            layer = nn.Linear(weight.shape[1], weight.shape[0])
            layer.load_state_dict({"weight": heads.scale * weight, "bias": bias})
            values = torch.arange(float(len(weight)))
            self.register_buffer(f"values_{len(self.classifiers)}", values)
            self.classifiers.append(layer)

    def encoder(self) -> nn.Module:
        """Returns itself."""
        return self

    def logits(self, features: Tensor) -> list[Tensor]:
        """Maps (B, 512) features to F tensors of (B, size) logits."""
        return [layer(features) for layer in self.classifiers]

    def forward(self, features: Tensor) -> Tensor:
        """Returns the (B, F) expected values, each in 0..size-1."""
        codes = []
        for number, logits in enumerate(self.logits(features)):
            # A power is an operator of every TorchScript runtime that the server may have.
            odds = torch.pow(math.e, logits - logits.amax(dim=1, keepdim=True))
            values = cast(Tensor, getattr(self, f"values_{number}"))
            codes.append((odds * values).sum(dim=1) / odds.sum(dim=1))
        return torch.stack(codes, dim=1)
