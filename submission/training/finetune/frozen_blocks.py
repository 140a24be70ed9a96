"""Freezes the first blocks of a trunk while the rest is trained."""

from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FrozenBatchNorm", "freeze_blocks"]


class FrozenBatchNorm(nn.BatchNorm2d):
    """Batch norm that always uses its stored mean and variance, also in training.

    Args:
        like: the batch norm to replace.

    Example:
        >>> import torch
        >>> norm = FrozenBatchNorm(nn.BatchNorm2d(1))  # mean 0, variance 1
        >>> round(norm(torch.full((1, 1, 1, 1), 2.0)).item(), 3)
        2.0
    """

    def __init__(self, like: nn.BatchNorm2d | nn.SyncBatchNorm) -> None:
        super().__init__(like.num_features, like.eps, like.momentum, dtype=like.weight.dtype)
        self.load_state_dict(like.state_dict())

    def forward(self, maps: Tensor) -> Tensor:
        """Standardises (B, C, H, W) maps."""
        return F.batch_norm(
            maps, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


def freeze_blocks(trunk: nn.Sequential, num_blocks: int) -> None:
    """Freezes, in place, the first blocks of a VGG's trunk: weights and batch norms.

    Then their derivatives are not computed. These cost the most, because the first maps are the
    largest.

    Args:
        trunk: convolutions, batch norms and activations. Each block ends with a max pooling. Names
            and values of parameters and buffers stay.
        num_blocks: number of blocks to freeze, in 0..5.

    Example:
        >>> trunk = nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3))
        >>> freeze_blocks(trunk, num_blocks=1)
        >>> [name for name, value in trunk.named_parameters() if value.requires_grad]
        ['2.weight', '2.bias']
    """
    ends = [i for i, module in enumerate(trunk) if isinstance(module, nn.MaxPool2d)]
    for position in range(ends[num_blocks - 1] if num_blocks else 0):
        if isinstance(module := trunk[position], nn.BatchNorm2d | nn.SyncBatchNorm):
            trunk[position] = FrozenBatchNorm(module)
        trunk[position].requires_grad_(requires_grad=False)
