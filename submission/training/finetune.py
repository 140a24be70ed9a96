"""Finetunes the feature extractor to classify every factor (paper, section 2.1)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor, nn

from submission.console import progress_bar, say
from submission.data.images import ImageSet
from submission.models.extractor import FactorHeads, FeatureExtractor, Heads
from submission.settings import FinetuneSettings
from submission.training.augmentation import augment
from submission.training.batches import (
    LabelledImages,
    epoch_batches,
    split_indices,
    to_unit_range,
)
from submission.training.checkpoint import fingerprint, load_checkpoint, save_checkpoint
from submission.training.curves import Curves
from submission.training.interruption import stop_requested
from submission.training.losses import summed_cross_entropy
from submission.training.precision import Precision
from submission.training.prefetch import prefetched

__all__ = ["FinetuneRun", "Finetuned", "factor_accuracies", "finetune", "learning_rate_at"]

STEPS_PER_REPORT = 50
STEPS_PER_CHECKPOINT = 250
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
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * step / num_steps))


@torch.inference_mode()
def factor_accuracies(
    predict: Callable[[Tensor], list[Tensor]],
    images: LabelledImages,
    indices: IntArray,
    device: torch.device,
    batch_size: int = 256,
) -> dict[str, float]:
    """Measures how often each factor is classified right.

    Args:
        predict: maps (B, 3, 64, 64) images in [0, 1] to F tensors of logits.
        images: labelled images.
        indices: which of them to look at.
        device: where `predict` computes.
        batch_size: images of a pass.

    Returns:
        Accuracy in [0, 1] by factor name.
    """
    correct = torch.zeros(images.space.num_factors, dtype=torch.int64)
    starts = range(0, len(indices), batch_size)
    batches = (images.take(indices[start : start + batch_size]) for start in starts)
    for pixels, factors in prefetched(batches):
        logits = predict(to_unit_range(pixels, device))
        predicted = torch.stack([row.argmax(dim=1) for row in logits], dim=1).cpu()  # (B, F)
        correct += (predicted == factors).sum(dim=0)
    return dict(zip(images.space.names, (correct / len(indices)).tolist(), strict=True))


@dataclass
class FinetuneRun:
    """A finetuning under way: what is trained, how far it is, and where it is written."""

    settings: FinetuneSettings
    extractor: FeatureExtractor
    heads: FactorHeads
    device: torch.device
    precision: Precision
    softness: Sequence[float] | None = None
    step: int = 0
    curves: Curves = field(default_factory=Curves)

    def __post_init__(self) -> None:
        self.extractor.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.heads.to(self.device)
        self.optimizer = torch.optim.RAdam(
            nn.ModuleList([self.extractor, self.heads]).parameters(),
            lr=self.settings.learning_rate,
            betas=(0.9, 0.999),
            weight_decay=self.settings.weight_decay,
            decoupled_weight_decay=True,
        )

    def predict(self, images: Tensor) -> list[Tensor]:
        """Maps (B, 3, 64, 64) images to F tensors of logits in the chosen precision."""
        enabled = self.precision.dtype != torch.float32
        with torch.autocast(self.device.type, self.precision.dtype, enabled=enabled):
            features = self.extractor(images)
        logits: list[Tensor] = self.heads(features)
        return logits

    def advance(self, pixels: Tensor, factors: Tensor, num_steps: int) -> float:
        """Takes one step on a batch, a pure function of state, batch and seed; gives the loss."""
        seed = int(np.random.SeedSequence((self.settings.seed, self.step)).generate_state(1)[0])
        torch.manual_seed(seed)
        generator = Generator(self.device).manual_seed(seed)
        images = augment(to_unit_range(pixels, self.device), self.settings.augmentation, generator)
        loss = summed_cross_entropy(self.predict(images), factors.to(self.device), self.softness)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(self.step, num_steps, self.settings)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.step += 1
        return loss.item()

    def state(self) -> dict[str, Any]:
        """Gives what a checkpoint holds."""
        return {
            "step": self.step,
            "extractor": self.extractor.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "curves": self.curves.rows,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up a checkpoint."""
        self.step = state["step"]
        self.extractor.load_state_dict(state["extractor"])
        self.heads.load_state_dict(state["heads"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.curves = Curves(state["curves"])


def finetune(
    extractor: FeatureExtractor,
    training_sets: Sequence[ImageSet],
    further_sets: Sequence[ImageSet],
    settings: FinetuneSettings,
    device: torch.device,
    precision: Precision,
    folder: Path,
) -> Finetuned:
    """Trains extractor and heads on labelled images; goes on from a checkpoint in `folder`.

    Args:
        extractor: where to start; changed in place.
        training_sets: sets of one factor grid, each split into training and validation images.
        further_sets: sets of the same grid that accuracy is measured on and nothing else.
        settings: how to train.
        device: where to train.
        precision: of the matrix products.
        folder: receives checkpoint and learning curves.

    Raises:
        ValueError: if the sets do not fit together, the checkpoint is of another run, or the loss
            stops being a number.
    """
    images = LabelledImages(training_sets)
    LabelledImages([*training_sets, *further_sets])
    others = {other.name: LabelledImages([other]) for other in further_sets}
    training, validation = split_indices(images, settings.validation_fraction, settings.seed)
    num_images = min(settings.images_per_epoch or len(training), len(training))
    steps_per_epoch = num_images // settings.batch_size
    if steps_per_epoch == 0:
        raise ValueError(
            f"expected at least one batch of {settings.batch_size} training images, got "
            f"{num_images}; lower Finetune.batch_size or use a larger grid"
        )
    num_steps = steps_per_epoch * settings.num_epochs

    torch.manual_seed(settings.seed)
    heads = FactorHeads(images.space.sizes, settings.head_scale)
    softness = [settings.axis_softness * name.endswith("_axis") for name in images.space.names]
    run = FinetuneRun(settings, extractor, heads, device, precision, softness)
    checkpoint = folder / "finetune.ckpt"
    identity = fingerprint(settings=asdict(settings), data=[s.sha256 for s in training_sets])
    if (state := load_checkpoint(checkpoint, identity)) is not None:
        run.restore(state)
        say(f"going on from step {run.step} of {num_steps} ({checkpoint})")

    def save() -> None:
        save_checkpoint(checkpoint, identity, run.state())
        run.curves.write(folder)

    def look(name: str, labelled: LabelledImages, indices: IntArray) -> dict[str, float]:
        count = settings.num_validation_images or len(indices)
        random = np.random.default_rng(settings.seed)
        chosen = np.sort(random.choice(indices, min(count, len(indices)), replace=False))
        extractor.eval()
        accuracies = factor_accuracies(run.predict, labelled, chosen, device)
        extractor.train()
        run.curves.add(run.step, {f"accuracy/{name}/{key}": v for key, v in accuracies.items()})
        text = "  ".join(f"{key} {100 * value:.1f}" for key, value in accuracies.items())
        say(f"accuracy on {name} in percent: {text}")
        return accuracies

    extractor.train()
    with (
        stop_requested() as stop,
        progress_bar(num_steps, "finetuning", " steps", initial=run.step) as bar,
    ):
        for epoch in range(run.step // steps_per_epoch, settings.num_epochs):
            order = epoch_batches(training, settings.batch_size, num_images, settings.seed, epoch)
            todo = list(order)[run.step - epoch * steps_per_epoch :]
            for pixels, factors in prefetched(images.take(batch) for batch in todo):
                loss = run.advance(pixels, factors, num_steps)
                bar.update()
                if not math.isfinite(loss):
                    raise ValueError(
                        f"expected a finite loss, got {loss} in epoch {epoch} at step {run.step}; "
                        f"the last good state is in {checkpoint}, lower Finetune.learning_rate"
                    )
                if run.step % STEPS_PER_REPORT == 0:
                    rate = learning_rate_at(run.step, num_steps, settings)
                    run.curves.add(run.step, {"loss": loss, "learning_rate": rate})
                    bar.set_postfix(loss=f"{loss:.3f}")
                if run.step % STEPS_PER_CHECKPOINT == 0 or stop():
                    save()
                if stop():
                    raise InterruptedError(f"stopped at step {run.step}; the same command goes on")
            if epoch < settings.num_epochs - 1:
                look("validation", images, validation)
    save()
    accuracies = {"validation": look("validation", images, validation)}
    for name, other in others.items():
        accuracies[name] = look(name, other, np.arange(len(other)))
    run.curves.write(folder)
    kept = heads.keep(images.space.names)
    return Finetuned(extractor.eval(), kept, accuracies, run.step * settings.batch_size)
