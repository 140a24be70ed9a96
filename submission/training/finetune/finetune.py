"""Finetunes the feature extractor to classify every factor (paper, section 2.1)."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor

from submission.config.configuration import save_configuration
from submission.config.settings import FinetuneSettings
from submission.console import progress_bar, say
from submission.data.images import ImageSet
from submission.errors import InputError
from submission.factors import is_axis
from submission.models.extractor import FeatureExtractor
from submission.models.heads import Heads
from submission.training.augmentation import augment
from submission.training.batches import (
    LabelledImages,
    epoch_batches,
    split_indices,
)
from submission.training.checkpoint import decisive, fingerprint, load_checkpoint, save_checkpoint
from submission.training.curves import Curves
from submission.training.devices import Devices
from submission.training.finetune.classifier import FactorClassifier, factor_accuracies
from submission.training.finetune.frozen_blocks import freeze_blocks
from submission.training.interruption import stop_requested
from submission.training.losses import summed_cross_entropy
from submission.training.prefetch import prefetched
from submission.training.radam import FusedRAdam
from submission.training.schedule import half_cosine, seed_of_step
from submission.training.synchronised import synchronise

__all__ = ["FinetuneRun", "Finetuned", "finetune", "learning_rate_at"]

STEPS_PER_REPORT = 50
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Finetuned:
    """The outcome of finetuning.

    Attributes:
        extractor: the trained extractor, in evaluation mode.
        heads: the classifiers trained with it.
        accuracies: per set of images ("validation" or a name) and factor, in [0, 1].
        num_images_seen: training images, counted as often as they were seen.
    """

    extractor: FeatureExtractor
    heads: Heads
    accuracies: dict[str, dict[str, float]]
    num_images_seen: int


def learning_rate_at(step: int, num_steps: int, settings: FinetuneSettings) -> float:
    """Gives the learning rate of a step: constant, or half a cosine down to zero."""
    if settings.learning_rate_decay == "constant":
        return settings.learning_rate
    return settings.learning_rate * half_cosine(step / num_steps)


@dataclass
class FinetuneRun:
    """A finetuning under way: what is trained, how far it is, and where it is written."""

    settings: FinetuneSettings
    extractor: FeatureExtractor
    heads: Heads
    devices: Devices
    softness: Sequence[float] | None = None
    step: int = 0
    curves: Curves = field(default_factory=Curves)

    def __post_init__(self) -> None:
        fabric, part = self.devices.fabric, self.devices.part
        self.extractor.to(memory_format=torch.channels_last)
        freeze_blocks(self.extractor.trunk, self.settings.frozen_blocks)
        synchronise(self.extractor, part, self.devices.device)
        classifier = FactorClassifier(self.extractor, self.heads)
        self.optimizer = FusedRAdam(
            classifier.parameters(),
            self.settings.learning_rate,
            betas=(0.9, 0.999),
            weight_decay=self.settings.weight_decay,
        )
        self.classifier, self._stepper = fabric.setup(classifier, self.optimizer)

    def advance(self, pixels: Tensor, factors: Tensor, num_steps: int) -> Tensor:
        """Takes one step, a pure function of state, batch and seed.

        Args:
            pixels: this process's (b, 64, 64, 3) part of the batch.
            factors: their (b, F) values.
            num_steps: of the whole training.

        Returns:
            The part's mean loss.
        """
        device, part = self.devices.device, self.devices.part
        seed = seed_of_step(self.settings.seed, self.step)
        torch.manual_seed(seed)
        generator = Generator(device).manual_seed(seed)
        strength = self.settings.augmentation
        logits = self.classifier(pixels, lambda images: augment(images, strength, generator, part))
        loss = summed_cross_entropy(logits, factors.to(device), self.softness)
        for group in self.optimizer.param_groups:
            group["learning_rate"] = learning_rate_at(self.step, num_steps, self.settings)
        self._stepper.zero_grad()
        self.devices.fabric.backward(loss)
        self._stepper.step()
        self.step += 1
        return loss.detach()

    def agree(self, loss: Tensor, *wishes: bool) -> tuple[float, list[bool]]:
        """Gives the loss of the whole batch, and for each wish whether any process has it."""
        told = torch.cat([loss[None], torch.tensor(wishes, dtype=loss.dtype, device=loss.device)])
        mean, *wished = self.devices.reduce(told, "mean").tolist()
        return mean, [part > 0 for part in wished]

    def is_finite(self) -> bool:
        """Whether every weight is a number; a step can spoil them though its loss was one."""
        return all(bool(value.isfinite().all()) for value in self.classifier.parameters())

    def state(self) -> dict[str, Any]:
        """Gives what a checkpoint holds, the same for any number of processes."""
        return {
            "step": self.step,
            "extractor": self.extractor.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.devices.fabric.strategy.precision.state_dict(),
            "curves": self.curves.rows,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up a checkpoint."""
        self.step = state["step"]
        self.extractor.load_state_dict(state["extractor"])
        self.heads.load_state_dict(state["heads"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.devices.fabric.strategy.precision.load_state_dict(state["precision"])
        self.curves = Curves(state["curves"])


def finetune(
    extractor: FeatureExtractor,
    heads: Heads,
    training_sets: Sequence[ImageSet],
    further_sets: Sequence[ImageSet],
    settings: FinetuneSettings,
    devices: Devices,
    folder: Path,
) -> Finetuned:
    """Trains extractor and heads on labelled images; goes on from a checkpoint in `folder`.

    Several processes share each batch and take the steps that one process takes on all of it.

    Args:
        extractor: where to start; changed in place.
        heads: where to start; changed in place.
        training_sets: sets of one factor grid, each split into training and validation images.
        further_sets: sets of the same grid that accuracy is measured on and nothing else.
        settings: how to train.
        devices: where to train; the first process writes.
        folder: receives configuration, checkpoint and learning curves; every process reads the
            checkpoint.

    Raises:
        ValueError: if the sets do not fit together, the checkpoint is of another run, or the loss
            or a weight stops being a number.
        InterruptedError: if the run is told to stop.
    """
    images = LabelledImages(training_sets)
    LabelledImages([*training_sets, *further_sets])
    others = {other.name: LabelledImages([other]) for other in further_sets}
    training, validation = split_indices(images, settings.validation_fraction, settings.seed)
    num_images = min(settings.images_per_epoch or len(training), len(training))
    steps_per_epoch = _steps_per_epoch(settings.batch_size, num_images, devices.num_processes)
    num_steps = steps_per_epoch * settings.num_epochs

    softness = [settings.axis_softness * is_axis(name) for name in images.space.names]
    run = FinetuneRun(settings, extractor, heads, devices, softness)
    checkpoint = folder / "finetune.ckpt"
    identity = fingerprint(settings=decisive(settings), data=[s.sha256 for s in training_sets])
    if (state := load_checkpoint(checkpoint, identity)) is not None:
        run.restore(state)
        say(f"going on from step {run.step} of {num_steps} ({checkpoint})")
    if devices.fabric.broadcast((identity, run.step)) != (identity, run.step):
        raise InputError(
            "expected data, settings and checkpoint to be the same for every process, got others "
            f"in process {devices.part.number}; use an output folder that all machines share"
        )

    if devices.is_first:
        save_configuration(folder / "configuration.gin", settings)

    def require(good: bool, what: str, epoch: int) -> None:
        if not good:
            stored = f"the last good state is in {checkpoint}"
            raise InputError(
                f"expected a finite loss, got {what} in epoch {epoch}, batch "
                f"{run.step - epoch * steps_per_epoch} (step {run.step}); "
                f"{stored if checkpoint.exists() else 'no state was stored yet'}, "
                "lower Finetune.learning_rate"
            )

    def save(epoch: int) -> None:
        require(run.is_finite(), "weights that are not numbers", epoch)
        if devices.is_first:
            save_checkpoint(checkpoint, identity, run.state())
            run.curves.write(folder)
        devices.fabric.barrier()

    def look(name: str, labelled: LabelledImages, indices: IntArray) -> dict[str, float]:
        count = settings.num_validation_images or len(indices)
        random = np.random.default_rng(settings.seed)
        chosen = np.sort(random.choice(indices, min(count, len(indices)), replace=False))
        run.classifier.eval()
        accuracies = factor_accuracies(run.classifier, labelled, chosen, devices)
        run.classifier.train()
        run.curves.add(run.step, {f"accuracy/{name}/{key}": v for key, v in accuracies.items()})
        text = "  ".join(f"{key} {100 * value:.1f}" for key, value in accuracies.items())
        say(f"accuracy on {name} in percent: {text}")
        return accuracies

    run.classifier.train()
    saved_at = time.monotonic()
    with (
        stop_requested() as stop,
        progress_bar(num_steps, "finetuning", " steps", initial=run.step) as bar,
    ):
        for epoch in range(run.step // steps_per_epoch, settings.num_epochs):
            if epoch > 0 and run.step == epoch * steps_per_epoch:
                look("validation", images, validation)
            order = epoch_batches(training, settings.batch_size, num_images, settings.seed, epoch)
            todo = list(order)[run.step - epoch * steps_per_epoch :]
            for batch in prefetched(images.take(devices.part.of(batch)) for batch in todo):
                own_loss = run.advance(*batch, num_steps)
                due = time.monotonic() - saved_at >= settings.checkpoint_seconds
                loss, (stopped, due) = run.agree(own_loss, stop(), due)
                bar.update()
                require(math.isfinite(loss), f"{loss}", epoch)
                if run.step % STEPS_PER_REPORT == 0:
                    rate = learning_rate_at(run.step, num_steps, settings)
                    run.curves.add(run.step, {"loss": loss, "learning_rate": rate})
                    bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                if due or stopped:
                    save(epoch)
                    saved_at = time.monotonic()
                if stopped:
                    raise InterruptedError(
                        f"stopped at step {run.step} of {num_steps}; the same command goes on "
                        f"from {checkpoint}"
                    )
    save(settings.num_epochs - 1)
    accuracies = {"validation": look("validation", images, validation)}
    for name, other in others.items():
        accuracies[name] = look(name, other, np.arange(len(other)))
    if devices.is_first:
        run.curves.write(folder)
    return Finetuned(extractor.eval(), heads.eval(), accuracies, run.step * settings.batch_size)


def _steps_per_epoch(batch_size: int, num_images: int, num_processes: int) -> int:
    if batch_size % num_processes > 0:
        raise InputError(
            f"expected Finetune.batch_size to be a multiple of the {num_processes} processes, got "
            f"{batch_size}; start another number of processes"
        )
    if num_images < batch_size:
        raise InputError(
            f"expected at least one batch of {batch_size} training images, got {num_images}; "
            "lower Finetune.batch_size or use a larger grid"
        )
    return num_images // batch_size
