"""Chooses for each convolution of a training step on a CPU the faster of several ways."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from submission.models.small_maps import convolve_by_product
from submission.models.winograd import TILE, convolve_by_tiles

__all__ = ["FastConvolutions"]

POINTWISE = ((1, 1), (0, 0), (1, 1), 1)
SAME_SIZE = ((1, 1), (1, 1), (1, 1), 1)
"""Stride, padding, dilation and groups that there is another way for, as `nn.Conv2d` has them."""

SMALL_MAP = 16
"""Positions of a map up to which one product is faster, forward and backward."""

FEWEST_CHANNELS = 128
LARGEST_TILED = 16 * 16
LARGEST_TILED_WITH_SLOPES = 32 * 32
"""Where tiles are faster: channels of maps and results, and positions of a map."""


class FastConvolutions(TorchFunctionMode):
    """A context in which a CPU convolves by tiles, or by one product, where that is faster.

    Results differ by rounding, and may depend on the number of images.

    Example:
        >>> maps, layer = torch.rand(2, 128, 8, 8), torch.nn.Conv2d(128, 128, 3, padding=1)
        >>> with FastConvolutions():
        ...     result = layer(maps)
        >>> torch.allclose(result, layer(maps), atol=1e-3)
        True
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Calls PyTorch's function, or another in place of a convolution."""
        if func is F.conv2d and not kwargs and args[3:] in (POINTWISE, SAME_SIZE):
            maps, weight, bias, _, (padding, _), *_ = args
            if maps.device.type == "cpu":
                if _is_faster_by_tiles(maps, weight, padding):
                    return convolve_by_tiles(maps, weight, bias)
                if maps.shape[2] * maps.shape[3] <= SMALL_MAP:
                    return convolve_by_product(maps, weight, bias, padding)
        return func(*args, **(kwargs or {}))


def _is_faster_by_tiles(maps: Tensor, weight: Tensor, padding: int) -> bool:
    height, width = maps.shape[2:]
    has_slopes = torch.is_grad_enabled() and weight.requires_grad
    return (
        maps.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and tuple(weight.shape[2:]) == (3, 3)
        and padding == 1
        and height % TILE == width % TILE == 0
        and height * width <= (LARGEST_TILED_WITH_SLOPES if has_slopes else LARGEST_TILED)
        and min(weight.shape[:2]) >= FEWEST_CHANNELS
    )
