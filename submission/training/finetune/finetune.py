"""Finetunes the feature extractor to classify every factor (paper, section 2.1)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from submission.config.configuration import save_configuration
from submission.config.settings import FinetuneSettings
from submission.console import say
from submission.data.image_set import ImageSet
from submission.models.extractor import FeatureExtractor
from submission.models.heads import Heads
from submission.models.weights import card_path, read_card, save_extractor
from submission.server.environment import user_path
from submission.training.batches import LabelledImages
from submission.training.checkpoint import CheckpointFile, sha256_of_tensor
from submission.training.devices import Devices
from submission.training.finetune.task import FinetuneTask
from submission.training.loop import run_loop

__all__ = ["Finetuned", "finetune", "save_finetuned"]


@dataclass(frozen=True)
class Finetuned:
    """The outcome of finetuning.

    Attributes:
        extractor: the trained extractor, in evaluation mode.
        heads: the heads trained with it, in evaluation mode.
        accuracies: per set of images ("validation" or a name) and factor, in [0, 1].
        num_images_seen: training images, counted as often as they were seen.
    """

    extractor: FeatureExtractor
    heads: Heads
    accuracies: dict[str, dict[str, float]]
    num_images_seen: int


def finetune(
    extractor: FeatureExtractor,
    heads: Heads,
    training_sets: Sequence[ImageSet],
    further_sets: Sequence[ImageSet],
    settings: FinetuneSettings,
    devices: Devices,
    folder: Path,
) -> Finetuned:
    """Trains extractor and heads on labelled images; continues from a checkpoint in `folder`.

    Args:
        extractor: where to start; changed in place.
        heads: where to start; changed in place.
        training_sets: sets of one factor grid, each split into training and validation images.
        further_sets: sets of the same grid on which only accuracies are measured.
        settings: how to train.
        devices: the processes, all of which call this function; the first one writes.
        folder: receives configuration, checkpoint and learning curves. Every process reads the
            checkpoint.

    Raises:
        InputError: if the sets do not fit together, the checkpoint is of another run, or a loss or
            weight is not finite.
        Stopped: if a signal stopped the training.
    """
    images = LabelledImages(training_sets)
    LabelledImages([*training_sets, *further_sets])  # refuses another grid before the training
    start = [*extractor.state_dict().values(), *heads.state_dict().values()]
    facts = {
        "data": [each.sha256 for each in training_sets],
        "start": [sha256_of_tensor(tensor.cpu().contiguous()) for tensor in start],
        "device": devices.device.type,
        "precision": devices.precision.dtype,
    }
    checkpoint = CheckpointFile(folder / "finetune.ckpt", settings, facts)
    task = FinetuneTask(extractor, heads, images, settings, devices, folder)
    run_loop(task, checkpoint, together=devices)
    accuracies = {"validation": task.measure_validation()}
    for other in further_sets:
        labelled = LabelledImages([other])
        accuracies[other.name] = task.measure(other.name, labelled, np.arange(len(labelled)))
    if devices.is_first:
        save_configuration(folder / "configuration.gin", settings)
    num_images_seen = task.steps_done * settings.batch_size
    return Finetuned(extractor.eval(), heads.eval(), accuracies, num_images_seen)


def save_finetuned(
    result: Finetuned, settings: FinetuneSettings, sets: Sequence[ImageSet], path: Path
) -> None:
    """Writes the weights and their card, and says where they are.

    The card has the images, settings and accuracies, and what the weights started from: "random",
    "imagenet", or the card of the earlier weights.

    Args:
        result: of the finetuning.
        settings: how it was trained.
        sets: what it was trained on.
        path: of the weights, ending in `.safetensors`.

    Raises:
        InputError: if a weight is not finite; nothing is written.
        OutputError: if the files cannot be written.
    """
    start = settings.start or "random"
    save_extractor(
        result.extractor,
        path,
        {
            "data": [
                {"name": s.name, "sizes": list(s.space.sizes), "sha256": s.sha256} for s in sets
            ],
            "settings": asdict(settings),
            "images_seen": result.num_images_seen,
            "accuracy": result.accuracies,
            "started_from": read_card(user_path(start))
            if start.endswith(".safetensors")
            else start,
        },
        result.heads,
    )
    say(f"weights: {path}")
    say(f"card: {card_path(path)}")
