"""What one step of finetuning is, and the state that decides all further steps."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Generator, Tensor, nn

from submission.config.settings import FinetuneSettings
from submission.console import say
from submission.errors import InputError
from submission.factors import IntArray, is_axis
from submission.models.extractor import FeatureExtractor
from submission.models.heads import Heads
from submission.training.augmentation import augment
from submission.training.batches import LabelledImages, epoch_batches, num_batches, split_indices
from submission.training.curves import Curves
from submission.training.devices import Devices
from submission.training.finetune.classifier import FactorClassifier, factor_accuracies
from submission.training.finetune.frozen_blocks import freeze_blocks
from submission.training.loop import Task
from submission.training.losses import summed_cross_entropy
from submission.training.prefetch import num_readers, prefetched
from submission.training.radam import FusedRAdam
from submission.training.schedule import half_cosine
from submission.training.seeds import seed_for

__all__ = ["FinetuneTask"]

STEPS_PER_REPORT = 50


class FinetuneTask(Task):
    """The finetuning of extractor and heads on labelled images, for `run_loop`.

    Several processes share each batch. Each computes on its part with its own random numbers; the
    gradients are averaged.

    Args:
        extractor: where to start; changed in place.
        heads: where to start; changed in place.
        images: labelled images, split into training and validation images.
        settings: how to train.
        devices: the processes.
        folder: receives the learning curves.

    Attributes:
        network: extractor and heads, in training mode.
        curves: loss, learning rate and accuracies so far.

    Raises:
        InputError: if there are fewer training images than a batch, or the processes cannot share
            a batch equally.
    """

    network: FactorClassifier
    name = "finetuning"
    rate_setting = "Finetune.learning_rate"

    def __init__(
        self,
        extractor: FeatureExtractor,
        heads: Heads,
        images: LabelledImages,
        settings: FinetuneSettings,
        devices: Devices,
        folder: Path,
    ) -> None:
        self.settings, self.devices = settings, devices
        self.curves = Curves()
        self._images, self._folder = images, folder
        self._training, self._validation = split_indices(
            images, settings.validation_fraction, seed_for(settings.seed, "finetune: split")
        )
        available = len(self._training)
        self._epoch_images = min(settings.images_per_epoch or available, available)
        self.steps_per_epoch = _steps_per_epoch(settings.batch_size, self._epoch_images, devices)
        self.num_steps = settings.num_epochs * self.steps_per_epoch
        self._softness = [settings.axis_softness * is_axis(name) for name in images.space.names]
        self._batches: Iterator[tuple[Tensor, Tensor]] | None = None

        extractor.to(memory_format=torch.channels_last)
        if devices.num_processes > 1 and devices.device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(extractor)  # type: ignore[no-untyped-call]
        freeze_blocks(extractor.trunk, settings.frozen_blocks)
        self.network = FactorClassifier(extractor, heads).train()
        self._optimizer = FusedRAdam(
            self.network.parameters(),
            settings.learning_rate,
            betas=(0.9, 0.999),
            weight_decay=settings.weight_decay,
        )
        self._classifier, self._stepper = devices.fabric.setup(self.network, self._optimizer)

    @property
    def learning_rate(self) -> float:
        """The step size of the next step."""
        if self.settings.learning_rate_decay == "constant":
            return self.settings.learning_rate
        return self.settings.learning_rate * half_cosine(self.steps_done / self.num_steps)

    def take_step(self) -> Tensor:
        """Takes one step. After each epoch but the last, measures the accuracies.

        Returns:
            The loss of the whole batch in nats, the same on every process.
        """
        if self._batches is None:
            device = self.devices.device
            take = partial(self._images.take, device=device)
            self._batches = prefetched(take, self._remaining_batches(), num_readers(device))
        own_loss = self.train_on(*next(self._batches))
        loss = self.devices.reduce(own_loss, "mean")
        if self.steps_done % STEPS_PER_REPORT == 0:
            values = {"loss": loss.item(), "learning_rate": self.learning_rate}
            self.curves.add(self.steps_done, values)
            self.write_curves()
        if self.steps_done % self.steps_per_epoch == 0 and self.steps_done < self.num_steps:
            self.measure_validation()
        return loss

    def train_on(self, pixels: Tensor, factors: Tensor) -> Tensor:
        """Takes a step on a part of a batch, a pure function of state, part and seed.

        Args:
            pixels: this process's (b, 64, 64, 3) part of the batch.
            factors: their (b, F) values.

        Returns:
            The mean loss of the part in nats.
        """
        device = self.devices.device
        torch.manual_seed(self._seed_of_step("dropout"))
        generator = Generator(device).manual_seed(self._seed_of_step("augmentation"))
        strength = self.settings.augmentation
        logits = self._classifier(pixels, lambda images: augment(images, strength, generator))
        loss = summed_cross_entropy(logits, factors.to(device, non_blocking=True), self._softness)
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate
        self._stepper.zero_grad()
        self.devices.fabric.backward(loss)
        self._stepper.step()
        self.steps_done += 1
        return loss.detach()

    def measure_validation(self) -> dict[str, float]:
        """Measures the accuracies on the validation images, see `measure`."""
        return self.measure("validation", self._images, self._validation)

    def measure(self, name: str, images: LabelledImages, indices: IntArray) -> dict[str, float]:
        """Measures, prints and notes how often each factor is classified correctly.

        Args:
            name: what to call the images.
            images: labelled images.
            indices: which of them to classify; `Finetune.num_validation_images` limits their
                number.

        Returns:
            Accuracy in [0, 1] by factor name.
        """
        count = self.settings.num_validation_images or len(indices)
        random = np.random.default_rng(seed_for(self.settings.seed, "finetune: measured images"))
        chosen = np.sort(random.choice(indices, min(count, len(indices)), replace=False))
        if self.devices.num_processes > 1:
            for buffer in self.network.buffers():  # on a CPU each process has moments of its own
                dist.broadcast(buffer, 0)
        self.network.eval()
        with self.devices.precision.autocast(self.devices.device):
            accuracies = factor_accuracies(self.network, images, chosen, self.devices)
        self.network.train()
        named = {f"accuracy/{name}/{factor}": value for factor, value in accuracies.items()}
        self.curves.add(self.steps_done, named)
        self.write_curves()
        text = "  ".join(f"{factor} {100 * value:.1f}" for factor, value in accuracies.items())
        say(f"accuracy on {name} in percent: {text}")
        return accuracies

    def write_curves(self) -> None:
        """Writes the curves; the first process does."""
        if self.devices.is_first:
            self.curves.write(self._folder)

    def state(self) -> dict[str, Any]:
        """Returns what a checkpoint holds, the same for any number of processes."""
        return {
            **super().state(),
            "precision": self.devices.fabric.strategy.precision.state_dict(),
            "curves": self.curves.rows,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to the state of a checkpoint."""
        super().restore(state)
        self.devices.fabric.strategy.precision.load_state_dict(state["precision"])
        self.curves = Curves(state["curves"])
        self._batches = None

    def _seed_of_step(self, purpose: str) -> int:
        step, process = self.steps_done, self.devices.number
        return seed_for(self.settings.seed, f"finetune: {purpose}, step {step}, process {process}")

    def _remaining_batches(self) -> Iterator[IntArray]:
        """Yields the indices of this process's part of each batch to come."""
        first, place = divmod(self.steps_done, self.steps_per_epoch)
        settings, devices = self.settings, self.devices
        seed = seed_for(settings.seed, "finetune: order")
        for epoch in range(first, settings.num_epochs):
            batches = epoch_batches(
                self._training, settings.batch_size, self._epoch_images, seed, epoch
            )
            for batch in list(batches)[place:]:
                yield batch[devices.number :: devices.num_processes]
            place = 0


def _steps_per_epoch(batch_size: int, num_images: int, devices: Devices) -> int:
    if batch_size % devices.num_processes > 0:
        raise InputError(
            f"expected Finetune.batch_size to be a multiple of {devices.num_processes}, the number "
            f"of processes, got {batch_size}; change it or start another number of processes"
        )
    what = "training images of an epoch"
    return num_batches(num_images, batch_size, "Finetune.batch_size", what)
