"""First blocks of a trunk that stay as they are while the rest is trained."""

from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FrozenBatchNorm", "freeze_blocks"]


class FrozenBatchNorm(nn.BatchNorm2d):
    """Batch norm that uses the moments it was made with, in training as in evaluation.

    Args:
        like: the batch norm to replace.
    """

    def __init__(self, like: nn.BatchNorm2d) -> None:
        super().__init__(like.num_features, like.eps, like.momentum, dtype=like.weight.dtype)
        self.load_state_dict(like.state_dict())

    def forward(self, maps: Tensor) -> Tensor:
        """Standardises (B, C, H, W) maps."""
        return F.batch_norm(
            maps, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


def freeze_blocks(trunk: nn.Sequential, num_blocks: int) -> None:
    """Freezes, in place, the first blocks of a VGG's trunk: weights and batch norms.

    Their derivatives are then not computed, which are the dearest, for their maps are the largest.

    Args:
        trunk: convolutions, batch norms and activations, each block ending with a max pooling;
            names and values of its parameters and buffers stay.
        num_blocks: how many blocks, in 0..5.
    """
    ends = [i for i, module in enumerate(trunk) if isinstance(module, nn.MaxPool2d)]
    for position in range(ends[num_blocks - 1] if num_blocks else 0):
        if isinstance(module := trunk[position], nn.BatchNorm2d):
            trunk[position] = FrozenBatchNorm(module)
        trunk[position].requires_grad_(requires_grad=False)
