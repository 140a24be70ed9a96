"""Modules whose codes the server cannot score."""

import io
import warnings
from typing import Any, cast

import torch
from torch import Tensor, nn


def script_bytes(module: nn.Module) -> bytes:
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(cast(Any, torch.jit.script)(module), written)
    return written.getvalue()


class Means(nn.Module):
    """Mean colours as codes, at the scale of codes."""

    def forward(self, images: Tensor) -> Tensor:
        means: Tensor = images.mean(dim=(2, 3)) * 100
        return means


class Pair(Means):
    def forward(self, images: Tensor) -> Any:
        return images.mean(dim=(2, 3)), images


class Squeezed(Means):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3)).squeeze()


class Whole(Means):
    def forward(self, images: Tensor) -> Tensor:
        return (images.mean(dim=(2, 3)) * 100).round().long()


class Undefined(Means):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3)) * torch.tensor([1.0, float("nan"), 1.0])


class Sampled(Means):
    def forward(self, images: Tensor) -> Tensor:
        means = images.mean(dim=(2, 3))
        return means + torch.randn_like(means)


class Together(Means):
    """As a batch norm in training mode does."""

    def forward(self, images: Tensor) -> Tensor:
        means = images.mean(dim=(2, 3))
        return means - means.mean(dim=0)


class Batches(Means):
    def forward(self, images: Tensor) -> Tensor:
        return images.reshape(64, 3, -1).mean(dim=2)


class Double(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2, dtype=torch.float64)

    def forward(self, images: Tensor) -> Tensor:
        codes: Tensor = self.layer(images.mean(dim=(2, 3)))
        return codes


class Constant(Means):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3)) * torch.tensor([1.0, 1.0, 0.0]) + 0.3


class Single(Means):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 2, 3))[:, None]


UNSCORABLE = [
    (Pair(), "tuple.*export_model"),
    (Squeezed(), r"\(1, C\).*\(3,\)"),
    (Whole(), r"float32.*int64.*\.float\(\)"),
    (Undefined(), r"NaN.*\[1\]"),
    (Sampled(), "two calls.*mean of the posterior"),
    (Together(), r"batch of 1 .*eval\(\)"),
    (Batches(), "batch of 8,.*export_model"),
    (Double(), "Double.*export_model"),
]
