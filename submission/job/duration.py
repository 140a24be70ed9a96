"""Estimates how long a run takes on this machine, from its settings and a short measurement."""

import copy
import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from submission.config.configuration import Configuration
from submission.data.catalogue import default_grid
from submission.job.plan import planned_vae
from submission.models.extractor import FEATURE_SIZE
from submission.models.folding import fold
from submission.models.frozen import FrozenExtractor
from submission.training.devices import Devices

__all__ = ["Lasting", "durations", "grids_of", "images_per_second", "longest_within"]

MEASURED_SECONDS = 3.0
BATCH_SIZE = 64

PASSES_PER_TUNED_IMAGE = 4
"""Forward passes as long as a step on an image: the held answers, the network, its derivatives."""

CHECKED_IMAGES = 350
"""Images that the checks of the exported file encode."""

ENCODING_SECONDS = 60.0
"""The most that the evaluation takes to encode all images by the exported file."""

STEP_SECONDS = 0.005
"""What a step of the VAE takes beside its products."""

RECORDED_STEP_SECONDS = 0.0007
"""The same on a GPU with `Fit.cuda_graph`; measured on an H100, products included."""

FIXED_SECONDS = 50.0
"""Loading of programs, metrics, report."""


class Lasting(NamedTuple):
    """A grid and how long a run on it lasts.

    Attributes:
        sizes: of the factors.
        minutes: from the images to the report.
    """

    sizes: tuple[int, ...]
    minutes: float

    @property
    def grid(self) -> str:
        """The sizes as STANDIN_GRID and --grid take them."""
        return ",".join(map(str, self.sizes))


def grids_of(standin: str) -> list[tuple[int, ...]]:
    """Lists the grids to choose from, by rising number of images; the last is the default.

    Example:
        >>> grids_of("standin_real")[0]
        (6, 6, 2, 3, 3, 3, 3)
    """
    first = default_grid(standin)[:5]
    return [(*first, positions, positions) for positions in (3, 4, 5, 6, 8)]


def durations(
    configuration: Configuration,
    frozen: FrozenExtractor,
    rate: float,
    grids: Sequence[tuple[int, ...]],
    device: torch.device,
) -> list[Lasting]:
    """Estimates how long a run lasts on each of several grids.

    The products of the VAE are taken to run at the rate of the extractor's.

    Args:
        configuration: of the run.
        frozen: the extractor with its heads.
        rate: images whose features are extracted in a second.
        grids: factor sizes.
        device: where the VAE is trained.
    """
    fit = configuration.fit
    vae = planned_vae(fit, frozen.heads)
    seconds_per_row = 0.0  # of an epoch
    if vae is not None:
        passes = 3 * _operations(vae, FEATURE_SIZE) / _operations(frozen.extractor, 3, 64, 64)
        is_recorded = device.type == "cuda" and fit.cuda_graph
        step = RECORDED_STEP_SECONDS if is_recorded else STEP_SECONDS
        seconds_per_row = passes / rate + step / fit.batch_size
    lasting = []
    for grid in grids:
        num_images = math.prod(grid)
        rows = (fit.num_images or num_images) * fit.num_epochs
        seconds = _seconds_without_fit(configuration, num_images, rate) + rows * seconds_per_row
        lasting.append(Lasting(grid, seconds / 60))
    return lasting


def longest_within(minutes: float, lasting: Sequence[Lasting]) -> Lasting:
    """Chooses the last that lasts at most so long; the first if none does.

    Example:
        >>> longest_within(6, [Lasting((2,), 4.0), Lasting((3,), 5.5), Lasting((4,), 9.0)]).grid
        '3'
    """
    return next((each for each in reversed(lasting) if each.minutes <= minutes), lasting[0])


@torch.inference_mode()
def images_per_second(frozen: FrozenExtractor, devices: Devices) -> float:
    """Measures how fast features are extracted, on random images, in a few seconds."""
    extractor = fold(frozen.extractor, devices.precision.dtype)
    extractor = extractor.to(devices.device).to(memory_format=torch.channels_last)
    images = torch.rand(BATCH_SIZE, 3, 64, 64, device=devices.device)
    extractor(images).sum().item()  # takes the number back, so that a GPU has finished
    began, seconds, num_batches = time.monotonic(), 0.0, 0
    while seconds < MEASURED_SECONDS:
        extractor(images).sum().item()
        seconds, num_batches = time.monotonic() - began, num_batches + 1
    return num_batches * BATCH_SIZE / seconds


def _seconds_without_fit(configuration: Configuration, num_images: int, rate: float) -> float:
    adapt = configuration.adapt
    num_tuned = min(adapt.num_tuning_images, num_images)
    passes = PASSES_PER_TUNED_IMAGE * num_tuned + num_images + CHECKED_IMAGES
    passes += min(adapt.num_norm_images or num_tuned, num_images)
    return passes / rate + min(num_images / rate, ENCODING_SECONDS) + FIXED_SECONDS


def _operations(network: nn.Module, *shape: int) -> int:
    """Counts the operations of the products of a forward pass on two inputs of a shape."""
    with FlopCounterMode(display=False) as counter, torch.device("meta"):
        copy.deepcopy(network).to("meta")(torch.empty(2, *shape))
    operations: int = counter.get_total_flops()
    return operations
