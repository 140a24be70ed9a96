"""Trains the extractor on unlabelled images until the finetuned heads are certain of them."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from submission.config.settings import AdaptSettings
from submission.errors import InputError
from submission.factors import is_axis
from submission.models.extractor import Extractor, Heads
from submission.models.folding import fold
from submission.models.head_codes import HeadCodes
from submission.models.small_maps import SmallMapProducts
from submission.training.augmentation import augment
from submission.training.batches import epoch_batches, to_unit_range
from submission.training.checkpoint import load_checkpoint, save_checkpoint
from submission.training.interruption import stop_requested
from submission.training.losses import information_loss
from submission.training.prefetch import prefetched
from submission.training.radam import FusedRAdam
from submission.training.schedule import half_cosine, seed_of_step

__all__ = ["RareValue", "Tuning"]

NUM_FIRST_IMAGES = 1024
"""Images that tell which values are rare."""

IntArray = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]


class RareValue(NamedTuple):
    """A value that the extractor finds in less than half as many images as an even share.

    Attributes:
        factor: name of the factor.
        value: in 0..size-1.
        share: of the images, in [0, 1].
    """

    factor: str
    value: int
    share: float


class Tuning:
    """Maximises the information that the heads' answers hold on images without labels.

    The heads stay as they are and the extractor learns to give features that they are certain of,
    each value of a factor equally often (information maximisation, Liang et al. 2020, section 3.2).
    The axes are left out of that, since a data set may have other positions than the simulation:
    their answers are held at those of the extractor as it was (Li and Hoiem 2016).
    Batch norms use each batch's own statistics meanwhile, and should be estimated anew afterwards.

    A step depends on state, images and seed alone.

    Args:
        extractor: frozen, changed in place.
        heads: that finetuning trained with it.
        images: (N, 64, 64, 3) of the domain, in any order.
        settings: how to tune.
        device: where to compute.
        dtype: number format of the matrix products; float16, whose gradients would need a scale, is
            replaced by float32.

    Raises:
        ValueError: if there is less than one batch.
    """

    def __init__(
        self,
        extractor: Extractor,
        heads: Heads,
        images: Pixels,
        settings: AdaptSettings,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        available = min(len(images), settings.num_tuning_images)
        self.settings = settings
        self.step = 0
        self.num_steps = available // settings.batch_size
        if self.num_steps == 0:
            raise InputError(
                f"expected at least one batch of {settings.batch_size} images to tune on, got "
                f"{available}; lower Adapt.batch_size or use a larger grid"
            )
        self._images, self._device, self._dtype = images, device, dtype
        self._extractor = extractor
        self._heads = HeadCodes(heads).to(device).requires_grad_(requires_grad=False)
        self._names = heads.names
        self._are_axes = [is_axis(name) for name in heads.names]
        extractor.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._teacher = fold(extractor, dtype).to(memory_format=torch.channels_last)
        extractor.train().requires_grad_()
        for layer in extractor.modules():
            if isinstance(layer, nn.Dropout2d):
                layer.eval()
        self._optimizer = FusedRAdam(
            extractor.parameters(), settings.learning_rate, betas=(0.9, 0.999)
        )

    def run(
        self,
        checkpoint: Path,
        identity: str,
        advance: Callable[[int], object] = lambda num_images: None,
    ) -> None:
        """Takes all steps, from a checkpoint on if there is one, and freezes the extractor again.

        Args:
            checkpoint: file that is read and written.
            identity: fingerprint of all that the outcome depends on.
            advance: told the number of images of each finished batch.

        Raises:
            ValueError: if the checkpoint is of another run or the loss stops being a number.
            InterruptedError: if the run is told to stop.
        """
        if (state := load_checkpoint(checkpoint, identity)) is not None:
            self._restore(state)
            advance(self.step * self.settings.batch_size)
        saved_at = time.monotonic()
        with stop_requested() as stop:
            batches = (np.sort(batch) for batch in self.batches())
            for pixels in prefetched(torch.from_numpy(self._images[rows]) for rows in batches):
                loss = self.take_step(pixels)
                if not math.isfinite(loss):
                    raise InputError(
                        f"expected a finite loss while tuning, got {loss} in step {self.step}; "
                        "lower Adapt.learning_rate"
                    )
                advance(self.settings.batch_size)
                due = time.monotonic() - saved_at >= self.settings.checkpoint_seconds
                stopped, done = stop(), self.step == self.num_steps
                if due or stopped or done:
                    save_checkpoint(checkpoint, identity, self._state())
                    saved_at = time.monotonic()
                if stopped:
                    raise InterruptedError(
                        f"stopped at step {self.step} of {self.num_steps} of the tuning; the same "
                        "command goes on"
                    )
        self._extractor.cpu().eval().requires_grad_(requires_grad=False)

    @property
    def num_images(self) -> int:
        """How many images are seen, each once."""
        return self.num_steps * self.settings.batch_size

    def batches(self) -> Iterator[IntArray]:
        """Yields the (B,) indices of each step to come; no image comes twice."""
        num_images, settings = len(self._images), self.settings
        order = epoch_batches(
            np.arange(num_images), settings.batch_size, num_images, settings.seed, epoch=0
        )
        return islice(order, self.step, self.num_steps)

    @torch.no_grad()
    def rare_values(self) -> list[RareValue]:
        """Lists values, of factors other than the axes, that the first images seem to lack.

        Tuning would find them in images of other values, because it makes all equally frequent.
        """
        features = []
        for rows in islice(self.batches(), -(-NUM_FIRST_IMAGES // self.settings.batch_size)):
            pixels = torch.from_numpy(self._images[np.sort(rows)])
            features.append(self._teacher(to_unit_range(pixels, self._device)))
        rare = []
        for factor, logits in zip(
            self._names, self._heads.logits(torch.cat(features)), strict=True
        ):
            shares = logits.softmax(dim=1).mean(dim=0).tolist()
            if not is_axis(factor):
                even = 1 / len(shares)
                rare += [RareValue(factor, v, s) for v, s in enumerate(shares) if s < even / 2]
        return rare

    def take_step(self, pixels: Tensor) -> float:
        """Takes one step on (B, 64, 64, 3) images and gives its loss in nats."""
        device, settings = self._device, self.settings
        generator = Generator(device).manual_seed(seed_of_step(settings.seed, self.step))
        images = augment(to_unit_range(pixels, device), settings.augmentation, generator)
        enabled = self._dtype == torch.bfloat16
        with torch.no_grad(), SmallMapProducts():
            known = self._teacher(images)
        with torch.autocast(device.type, torch.bfloat16, enabled=enabled), SmallMapProducts():
            features = self._extractor(images)
        loss = self._loss(self._heads.logits(features), self._heads.logits(known))
        for group in self._optimizer.param_groups:
            progress = self.step / self.num_steps
            group["learning_rate"] = settings.learning_rate * half_cosine(progress)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.step += 1
        return float(loss.detach())

    def _loss(self, logits: Sequence[Tensor], known: Sequence[Tensor]) -> Tensor:
        losses = []
        for row, known_row, axis in zip(logits, known, self._are_axes, strict=True):
            if axis:
                held = F.cross_entropy(row, known_row.softmax(dim=1))
                losses.append(self.settings.axis_weight * held)
            else:
                losses.append(information_loss(row))
        return torch.stack(losses).sum()

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "extractor": self._extractor.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        self._extractor.load_state_dict(state["extractor"])
        self._optimizer.load_state_dict(state["optimizer"])
