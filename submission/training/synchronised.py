"""Layers that treat the parts of a batch on several processes as the one batch that they are."""

import math
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from submission.training.batches import BatchPart
from submission.training.finetune.frozen_blocks import FrozenBatchNorm

__all__ = ["SynchronisedBatchNorm", "WholeBatchDropout", "synchronise"]

NUM_GROUPS = 4
LEAST_EPSILON = 1e-30
"""Vanishes beside a variance of 1; some releases of PyTorch refuse 0."""


class _Normalise(torch.autograd.Function):
    """Batch norm over equally large parts of a batch, one on each process."""

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, epsilon: float, num_parts: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns (B, C, H, W) standardised maps, and mean and variance of all parts, (C,)."""
        own = _moments_by_group(maps, weight, num_parts)
        moments = _gathered(own, num_parts)  # (G, 2, C)
        mean = moments[:, 0].mean(dim=0)
        variance = (moments[:, 1] + (moments[:, 0] - mean).square()).mean(dim=0)
        ctx.num_parts = num_parts
        ctx.epsilon = epsilon
        ctx.save_for_backward(maps, weight, mean, variance)
        ctx.mark_non_differentiable(mean, variance)
        return F.batch_norm(maps, mean, variance, weight, bias, eps=epsilon), mean, variance

    @staticmethod
    def backward(
        ctx: Any, gradient: Tensor, *_: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None, None]:
        """Returns the derivatives of the sum over processes of what they differentiate."""
        maps, weight, mean, variance = ctx.saved_tensors
        _, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient,
            maps,
            weight,
            mean,
            variance,
            None,
            None,
            False,
            ctx.epsilon,
            [False, True, True],
        )
        sums = torch.stack([of_weight, of_bias])  # (2, C)
        if ctx.num_parts > 1:
            dist.all_reduce(sums)
        sums /= ctx.num_parts * maps.numel() / maps.shape[1]
        # With y = (x - mean) / deviation, the derivative by x is
        # weight / deviation * (gradient - mean(gradient) - y mean(gradient y)): an affine function
        # of the gradient plus one of x, both by the kernel of evaluation.
        inverse = (variance + ctx.epsilon).rsqrt()
        scale = weight * inverse
        slope = -scale * inverse * sums[0]
        shift = -scale * sums[1] - slope * mean
        zero, one = torch.zeros_like(mean), torch.ones_like(mean)
        of_maps = F.batch_norm(gradient, zero, one, scale, shift, eps=LEAST_EPSILON)
        of_maps += F.batch_norm(maps, zero, one, slope, zero, eps=LEAST_EPSILON)
        return of_maps, of_weight, of_bias, None, None


def _moments_by_group(maps: Tensor, weight: Tensor, num_parts: int) -> Tensor:
    """Gives mean and variance by channel of groups of images, (G, 2, C) in `weight`'s type."""
    groups = maps.chunk(max(1, math.gcd(num_parts * len(maps), NUM_GROUPS) // num_parts))
    moments = weight.new_empty(len(groups), 2, maps.shape[1])
    scratch = torch.zeros_like(weight), torch.ones_like(weight)
    for group, row in zip(groups, moments, strict=True):
        row[0], row[1] = torch.batch_norm_update_stats(group, *scratch, 0.0)
    return moments


def _gathered(rows: Tensor, num_parts: int) -> Tensor:
    """Puts the parts' rows together in the order of the parts."""
    if num_parts == 1:
        return rows
    whole = rows.new_empty(num_parts * len(rows), *rows.shape[1:])
    dist.all_gather(list(whole.chunk(num_parts)), rows)
    return whole


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the parts of a batch on several processes, on a CPU.

    Moments are taken of quarters of the batch and put together in its order. So they are the same
    to the last bit for one, two or four processes; a rounding error in them would change which
    activations are cut off. PyTorch's own `SyncBatchNorm` needs a GPU.

    Args:
        like: the batch norm to replace.
        num_parts: number of processes.
    """

    def __init__(self, like: nn.BatchNorm2d, num_parts: int) -> None:
        super().__init__(like.num_features, like.eps, like.momentum, dtype=like.weight.dtype)
        self.load_state_dict(like.state_dict())
        self.num_parts = num_parts

    def forward(self, maps: Tensor) -> Tensor:
        """Standardises (B, C, H, W) maps; B must be the same on every process."""
        if not self.training:
            return super().forward(maps)
        output, mean, variance = _Normalise.apply(
            maps, self.weight, self.bias, self.eps, self.num_parts
        )
        with torch.no_grad():
            count = self.num_parts * maps.numel() / maps.shape[1]
            momentum = cast(float, self.momentum)
            cast(Tensor, self.num_batches_tracked).add_(1)
            cast(Tensor, self.running_mean).lerp_(mean, momentum)
            cast(Tensor, self.running_var).lerp_(variance * (count / (count - 1)), momentum)
        return cast(Tensor, output)


class WholeBatchDropout(nn.Dropout2d):
    """Drops the channels that `Dropout2d` drops when one process has the whole batch.

    Args:
        p: rate.
        part: of the batch that this process has.
    """

    def __init__(self, p: float, part: BatchPart) -> None:
        super().__init__(p)
        self.part = part

    def forward(self, maps: Tensor) -> Tensor:
        """Drops channels of (B, C, H, W) maps; the generator moves on as for the whole batch."""
        if not self.training or self.p == 0:
            return maps
        whole = len(maps) * self.part.num_parts
        kept = maps.new_empty(whole, maps.shape[1], 1, 1).bernoulli_(1 - self.p).div_(1 - self.p)
        return maps * self.part.of(kept)


def synchronise(module: nn.Module, part: BatchPart, device: torch.device) -> nn.Module:
    """Replaces batch norms and dropouts, in place, by those that see the whole batch.

    Args:
        module: a network; names and values of its parameters and buffers stay.
        part: of the batch that this process has.
        device: where the network is going to be.

    Returns:
        The network.
    """
    for name, child in module.named_children():
        if isinstance(child, FrozenBatchNorm):
            continue  # it looks at no batch
        if isinstance(child, nn.BatchNorm2d):
            module.add_module(name, _synchronised(child, part, device))
        elif isinstance(child, nn.Dropout2d):
            module.add_module(name, WholeBatchDropout(child.p, part))
        else:
            synchronise(child, part, device)
    return module


def _synchronised(norm: nn.BatchNorm2d, part: BatchPart, device: torch.device) -> nn.Module:
    if device.type == "cpu":
        return SynchronisedBatchNorm(norm, part.num_parts)
    if part.num_parts == 1:
        return norm
    return cast(nn.Module, nn.SyncBatchNorm.convert_sync_batchnorm(norm))  # type: ignore[no-untyped-call]
