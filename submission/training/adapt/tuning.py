"""Tunes the extractor's weights on unlabelled images until the heads are certain of each image."""

import copy
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from submission.config.settings import AdaptSettings
from submission.factors import IntArray, is_axis
from submission.models.convolutions import FastConvolutions
from submission.models.extractor import Extractor
from submission.models.folding import fold
from submission.models.heads import Heads
from submission.training.adapt.rare_values import find_rare_values
from submission.training.augmentation import augment
from submission.training.batches import (
    epoch_batches,
    num_batches,
    read_images,
    to_unit_range,
)
from submission.training.devices import Devices
from submission.training.loop import Task
from submission.training.losses import information_loss
from submission.training.precision import Precision
from submission.training.prefetch import num_readers, prefetched
from submission.training.radam import FusedRAdam
from submission.training.schedule import half_cosine
from submission.training.seeds import seed_for

__all__ = ["TuningTask"]

NUM_FIRST_IMAGES = 1024
"""Images that tell which values are rare."""

Pixels = npt.NDArray[np.uint8]


class TuningTask(Task):
    """Information maximisation on images without labels, for `run_loop`.

    The heads do not change. The extractor learns features on which a head is certain of each image
    and finds each value equally often (Liang et al. 2020, section 3.2). That is right only for a
    factor whose values are equally frequent. So two kinds of factors are held instead: the axes,
    whose positions may differ from those of the simulation, and factors with a rare value. For a
    held factor, the head's answers are trained to equal those of the extractor before the tuning
    (Li and Hoiem 2016). Batch norms use each batch's own statistics, and have to be estimated
    afterwards.

    Args:
        extractor: in evaluation mode; it does not change.
        heads: trained with it.
        images: (N, 64, 64, 3) of the domain, in any order.
        settings: how to tune.
        devices: where to compute, in this process alone. float16, whose gradients need a scale, is
            replaced by float32.

    Attributes:
        network: the copy of the extractor that is tuned, in training mode.
        rare_values: values that the extractor hardly finds in the first 1,024 images.
        held: names of the factors that are held.

    Raises:
        InputError: if there is less than one batch.
    """

    network: Extractor
    name = "tuning"
    rate_setting = "Adapt.learning_rate"

    def __init__(
        self,
        extractor: Extractor,
        heads: Heads,
        images: Pixels,
        settings: AdaptSettings,
        devices: Devices,
    ) -> None:
        available = min(len(images), settings.num_tuning_images)
        self.num_steps = num_batches(
            available, settings.batch_size, "Adapt.batch_size", "tuning images"
        )
        self._settings, self._images = settings, images
        self._device, self._precision = devices.device, devices.precision
        if self._precision.dtype == torch.float16:
            self._precision = Precision(torch.float32, "nothing scales the gradients")
        self._steps: Iterator[Tensor] | None = None
        self._heads = copy.deepcopy(heads).to(self._device).requires_grad_(requires_grad=False)
        self.network = copy.deepcopy(extractor).to(
            self._device,
            memory_format=torch.channels_last,  # type: ignore[call-overload]
        )
        teacher = fold(self.network, devices.precision.dtype)
        self._teacher = teacher.to(memory_format=torch.channels_last)
        self.rare_values = self._find_rare_values()
        rare_factors = {factor for factor, *_ in self.rare_values}
        self.held = [name for name in heads.names if is_axis(name) or name in rare_factors]
        self.network.train().requires_grad_()
        for layer in self.network.modules():
            if isinstance(layer, nn.Dropout2d):
                layer.eval()
        self._optimizer = FusedRAdam(
            self.network.parameters(), settings.learning_rate, betas=(0.9, 0.999)
        )

    def batches(self) -> Iterator[IntArray]:
        """Yields the (B,) indices of each step to come. No image comes twice."""
        num_images, settings = len(self._images), self._settings
        seed = seed_for(settings.seed, "adapt: order")
        order = epoch_batches(np.arange(num_images), settings.batch_size, num_images, seed, epoch=0)
        return islice(map(np.sort, order), self.steps_done, self.num_steps)

    def take_step(self) -> Tensor:
        """Takes one step and returns its loss in nats."""
        if self._steps is None:
            read = partial(read_images, self._images, device=self._device)
            self._steps = prefetched(read, self.batches(), num_readers(self._device))
        return self.tune_on(next(self._steps))

    def tune_on(self, pixels: Tensor) -> Tensor:
        """Takes a step on (B, 64, 64, 3) images, a pure function of state, images and seed."""
        device, settings = self._device, self._settings
        seed = seed_for(settings.seed, f"adapt: augmentation, step {self.steps_done}")
        generator = Generator(device).manual_seed(seed)
        images = augment(to_unit_range(pixels, device), settings.augmentation, generator)
        with torch.no_grad(), FastConvolutions():
            known = self._teacher(images)
        with self._precision.autocast(device), FastConvolutions():
            features = self.network(images)
        loss = self._loss(self._heads(features), self._heads(known))
        progress = self.steps_done / self.num_steps
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * half_cosine(progress)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.steps_done += 1
        return loss.detach()

    def state(self) -> dict[str, Any]:
        """Returns what a checkpoint holds."""
        return {**super().state(), "held": self.held}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to the state of a checkpoint."""
        super().restore(state)
        self.held = state["held"]
        self._steps = None

    def _loss(self, logits: Sequence[Tensor], known: Sequence[Tensor]) -> Tensor:
        losses = []
        for factor, row, known_row in zip(self._heads.names, logits, known, strict=True):
            if factor in self.held:
                difference = F.cross_entropy(row, known_row.softmax(dim=1))
                losses.append(self._settings.axis_weight * difference)
            else:
                losses.append(information_loss(row))
        return torch.stack(losses).sum()

    @torch.no_grad()
    def _find_rare_values(self) -> list[tuple[str, int, float]]:
        features = []
        for rows in islice(self.batches(), -(-NUM_FIRST_IMAGES // self._settings.batch_size)):
            pixels = torch.from_numpy(self._images[rows])
            features.append(self._teacher(to_unit_range(pixels, self._device)))
        return find_rare_values(self._heads, torch.cat(features))
