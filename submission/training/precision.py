"""The arithmetic that the hardware does fastest without hurting the result."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from submission.errors import InputError

__all__ = ["Precision", "choose_device", "choose_precision"]


@dataclass(frozen=True)
class Precision:
    """A number format of matrix products, and why it was chosen.

    Attributes:
        dtype: torch.bfloat16, torch.float16 or torch.float32.
        reason: a few words for the log.

    Example:
        >>> Precision(torch.bfloat16, "the example").name
        'bf16-mixed'
    """

    dtype: torch.dtype
    reason: str

    @property
    def name(self) -> Literal["bf16-mixed", "16-mixed", "32-true"]:
        """The name that lightning-fabric has for it."""
        if self.dtype == torch.float32:
            return "32-true"
        return "bf16-mixed" if self.dtype == torch.bfloat16 else "16-mixed"

    def autocast(self, device: torch.device) -> torch.autocast:
        """Opens a context whose matrix products have this format, if it is one of 16 bits.

        Weights are cast anew at each use: a CUDA graph must not keep a cast of an earlier step.

        Example:
            >>> with Precision(torch.bfloat16, "the example").autocast(torch.device("cpu")):
            ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
            torch.bfloat16
        """
        enabled = self.dtype in (torch.bfloat16, torch.float16)
        return torch.autocast(device.type, self.dtype, enabled=enabled, cache_enabled=False)


def choose_device(*, cuda: bool | None) -> torch.device:
    """Chooses the device of a run.

    Args:
        cuda: True for a GPU, False for the CPU, None for a GPU if there is one.

    Raises:
        InputError: if a GPU is asked for and there is none.

    Example:
        >>> choose_device(cuda=False)
        device(type='cpu')
    """
    if cuda and not torch.cuda.is_available():
        raise InputError("expected a GPU because AICROWD_CUDA asks for one, got none; unset it")
    use_cuda = torch.cuda.is_available() if cuda is None else cuda
    return torch.device("cuda" if use_cuda else "cpu")


def choose_precision(device: torch.device) -> Precision:
    """Chooses the fastest format that the device multiplies in hardware.

    That is bfloat16, float16 on older GPUs, or else float32.
    """
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision(torch.bfloat16, "this GPU multiplies bfloat16 in hardware")
        if torch.cuda.get_device_capability(device) >= (7, 0):
            return Precision(torch.float16, "this GPU multiplies float16 in hardware, not bfloat16")
        return Precision(torch.float32, "this GPU has no units for 16 bits")
    flags = _cpu_flags()
    if flags & {"avx512_bf16", "amx_bf16"}:
        return Precision(torch.bfloat16, "this CPU multiplies bfloat16 in hardware")
    return Precision(torch.float32, "this CPU has no bfloat16 units")


def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split() for line in lines if line.startswith("flags")), []))
