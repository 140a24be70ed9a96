"""The devices of a run: one, or as many as torchrun has started processes for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, cast

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor

from submission.console import mute
from submission.errors import InputError, Stopped
from submission.server.environment import Launch, read_launch
from submission.training.precision import Precision, choose_device, choose_precision

__all__ = ["Devices", "one_device", "opened_devices"]

# How long a process waits for another: the first one writes checkpoints and hashes data meanwhile.
PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Devices:
    """Where and how precisely to compute, seen from one process.

    Attributes:
        fabric: places networks, batches and gradients.
        precision: of the matrix products.
    """

    fabric: Fabric
    precision: Precision

    @property
    def device(self) -> torch.device:
        """The device of this process."""
        return self.fabric.device

    @property
    def num_processes(self) -> int:
        """How many processes there are."""
        return int(self.fabric.world_size)

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes."""
        return bool(self.fabric.is_global_zero)

    @property
    def number(self) -> int:
        """The number of this process, in 0..num_processes-1."""
        return int(self.fabric.global_rank)

    def reduce(self, tensor: Tensor, how: Literal["mean", "sum", "max"]) -> Tensor:
        """Returns the mean, sum or maximum over processes of a tensor on the device."""
        return cast(Tensor, self.fabric.all_reduce(tensor, reduce_op=how))


def one_device(device: torch.device, precision: Precision | None = None) -> Devices:
    """Opens a single device for this process, also under torchrun.

    Args:
        device: the device.
        precision: of the matrix products; None for the fastest of the device.

    Example:
        >>> one_device(torch.device("cpu"), Precision(torch.float32, "the example")).device
        device(type='cpu')
    """
    return _open(device, precision or choose_precision(device), Launch())


@contextmanager
def opened_devices(
    *, cuda: bool | None, precision: Precision | None = None, backend: str | None = None
) -> Iterator[Devices]:
    """Joins the processes that torchrun started, if any, and ends all of them when one fails.

    Only the first process prints, except for errors. When a process fails, the others fail, too:
    at the same place, or because the first one is gone. The first to fail raises; the others exit
    with status 1 and without a message.

    Args:
        cuda: True for a GPU, False for the CPU, None for a GPU if there is one.
        precision: of the matrix products; None for the fastest of the device.
        backend: of the communication; None for the usual one of the device.

    Raises:
        InputError: if there are fewer GPUs than processes.
        ConnectionError: if another process ended without an error.

    Example:
        >>> with opened_devices(cuda=False) as devices:
        ...     devices.num_processes, devices.is_first
        (1, True)
    """
    device, launch = choose_device(cuda=cuda), read_launch()
    if device.type == "cuda" and launch.num_local > torch.cuda.device_count():
        raise InputError(
            f"expected a GPU for each of {launch.num_local} processes, got "
            f"{torch.cuda.device_count()}; lower --nproc-per-node"
        )
    devices = _open(device, precision or choose_precision(device), launch, backend)
    if launch.num_processes == 1:
        yield devices
        return
    if launch.number > 0:
        mute()
    devices.fabric.launch()
    try:
        yield devices
    except (ValueError, OSError, RuntimeError) as error:
        if not _is_first_to_end():
            raise SystemExit(1) from None
        if isinstance(error, dist.DistError) or "gloo/transport" in str(error):
            raise ConnectionError(
                f"expected {launch.num_processes} processes to the end, lost one ({error}); "
                "the same command continues from what is stored"
            ) from error
        raise
    except Stopped as stopped:  # every process stops after the same step
        if not devices.is_first:
            raise SystemExit(stopped.code) from None
        raise
    except BaseException:
        _is_first_to_end()
        raise
    dist.destroy_process_group()


def _open(
    device: torch.device, precision: Precision, launch: Launch, backend: str | None = None
) -> Devices:
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    several = launch.num_processes > 1
    strategy = DDPStrategy(
        process_group_backend=backend,
        timeout=PATIENCE,
        gradient_as_bucket_view=True,
    )
    fabric = Fabric(
        accelerator=device.type,
        devices=launch.num_local,
        num_nodes=launch.num_processes // launch.num_local,
        strategy=strategy if several else "auto",
        precision=precision.name,
        plugins=TorchElasticEnvironment() if several else LightningEnvironment(),
    )
    return Devices(fabric, precision)


def _is_first_to_end() -> bool:
    """Notes in the shared store that this process failed; returns whether it is the first."""
    try:
        return int(dist.distributed_c10d._get_default_store().add("ended early", 1)) == 1
    except (ValueError, RuntimeError):  # the store went away with the process that kept it
        return False
