"""Compiles a frozen extractor where so many images follow that the compilation pays."""

import importlib.util
import shutil
from collections.abc import Callable

import torch
from torch import Tensor, nn

from submission.console import say

__all__ = ["compiled", "compiling_pays"]

COMPILING_SECONDS = 12.0
SECONDS_PER_IMAGE = 1 / 80_000
SECONDS_PER_IMAGE_COMPILED = 1 / 126_000
"""Measured for VGG19-BN on images of 64 x 64 pixels; one NVIDIA H100, bfloat16."""


def compiling_pays(num_images: int, image_size: int, device: torch.device) -> bool:
    """Tells whether compiling saves more time than it takes; never on a CPU.

    It pays from 2.6 million images of 64 x 64 pixels on, or 215 thousand of 224 x 224.

    Args:
        num_images: of the whole data set, so that a run that continues decides alike.
        image_size: height and width that the network computes with.
        device: where it computes.

    Example:
        >>> compiling_pays(10**9, 64, torch.device("cpu"))
        False
    """
    amount = num_images * (image_size / 64) ** 2
    saved = amount * (SECONDS_PER_IMAGE - SECONDS_PER_IMAGE_COMPILED)
    return device.type == "cuda" and saved > COMPILING_SECONDS and _has_compilers()


def compiled(network: nn.Module, batch_size: int) -> Callable[[Tensor], Tensor]:
    """Compiles a network for batches of one size. Other batches are computed without compiling.

    So a smaller last batch does not compile anew. Results agree up to rounding. If the network
    cannot be compiled, this is said once, and it is computed as it is.

    Args:
        network: in evaluation mode.
        batch_size: number of rows that the network is compiled for.

    Example:
        >>> double = compiled(nn.Upsample(scale_factor=2), batch_size=8)
        >>> double(torch.ones(1, 1, 2))  # another size
        tensor([[[1., 1., 1., 1.]]])
    """
    from torch._dynamo.exc import TorchDynamoException  # it takes seconds to import

    fast: Callable[[Tensor], Tensor] | None = torch.compile(network, dynamic=False)

    def compute(batch: Tensor) -> Tensor:
        nonlocal fast
        if fast is not None and len(batch) == batch_size:
            try:
                return fast(batch)
            except TorchDynamoException as error:
                fast = None
                reason = str(error).partition("\n")[0]
                say(f"note: continuing without compiling the network: {reason}")
        result: Tensor = network(batch)
        return result

    return compute


def _has_compilers() -> bool:
    """Whether there is Triton, and a C compiler for the functions that start its kernels."""
    has_c = any(shutil.which(name) for name in ("cc", "gcc", "clang"))
    return has_c and importlib.util.find_spec("triton") is not None
