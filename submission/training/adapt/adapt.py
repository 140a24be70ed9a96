"""Adapts the extractor to unlabelled images of a data set: tunes weights, estimates norms."""

import copy
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from submission.config.settings import AdaptSettings
from submission.console import say
from submission.data.image_set import ImageSet
from submission.errors import InputError
from submission.models.extractor import Extractor
from submission.models.frozen import FrozenExtractor, require_heads
from submission.training.adapt.norms import estimate_norms
from submission.training.adapt.tuning import TuningTask
from submission.training.allocator import release_freed_memory
from submission.training.checkpoint import CheckpointFile
from submission.training.devices import Devices
from submission.training.features.identity import sources_sha256
from submission.training.features.store import FeatureStore
from submission.training.loop import run_loop

__all__ = ["adapt"]

Report = Callable[[float], object]


def adapt(
    frozen: FrozenExtractor,
    images: ImageSet,
    settings: AdaptSettings,
    devices: Devices,
    checkpoint: Path,
    store: FeatureStore | None,
    report: Report,
) -> Extractor:
    """Returns the extractor that the settings ask for; the given one does not change.

    Adapting has two parts. Tuning trains the weights by information maximisation. Then the batch
    norms' means and variances are estimated. The first process computes; the outcome is the same
    on every process and in the store.

    Args:
        frozen: the finetuned extractor, with its heads if weights are to be tuned.
        images: the data set; its labels are not used.
        settings: which parts, on how many images.
        devices: the processes, all of which call this function.
        checkpoint: file of the tuning, to continue from and to write.
        store: where an earlier run may have left the outcome; None to compute and not to store.
        report: called with the share of the tuning that is done, in [0, 1].

    Returns:
        A new extractor on the CPU in evaluation mode; the given one if nothing is to be done.

    Raises:
        InputError: if there are fewer images than a batch, the checkpoint is of another run, or
            the tuning diverges.
        Stopped: if a signal stopped the tuning.
    """
    if not (settings.num_tuning_images or settings.num_norm_images):
        return frozen.extractor
    state: dict[str, Tensor] | None = None
    if devices.is_first:
        if store is not None:
            state = store.read_state("adapted", frozen.extractor.state_dict())
        if state is None:
            state = _computed(frozen, images, settings, devices, checkpoint, report).state_dict()
            if store is not None:
                store.write_state("adapted", state)
        else:
            say("extractor: adapted to these images in an earlier run")
    state = devices.fabric.broadcast(state)
    assert state is not None
    adapted = copy.deepcopy(frozen.extractor)
    adapted.load_state_dict(state)
    adapted.to(memory_format=torch.channels_last)
    return adapted


def _computed(
    frozen: FrozenExtractor,
    images: ImageSet,
    settings: AdaptSettings,
    devices: Devices,
    checkpoint: Path,
    report: Report,
) -> Extractor:
    extractor = frozen.extractor
    if settings.num_tuning_images:
        facts = {
            "data": images.sha256,
            "weights": frozen.sha256,
            "device": devices.device.type,
            "precision": devices.precision.dtype,
            "torch": version("torch"),
            "sources": sources_sha256(),
        }
        task = TuningTask(extractor, require_heads(frozen), images.images, settings, devices)
        for factor, value, share in task.rare_values:
            say(
                f"note: the extractor finds {factor} {value} in {100 * share:.1f} % of the images; "
                f"tuning leaves the answers about {factor} as they are"
            )
        run_loop(task, CheckpointFile(checkpoint, settings, facts), report)
        extractor = task.network.cpu().eval().requires_grad_(requires_grad=False)
        del task
        release_freed_memory()
    num_images = settings.num_norm_images or settings.num_tuning_images
    adapted = estimate_norms(extractor, images.images, num_images, settings.seed, devices)
    for name, value in adapted.state_dict().items():
        if not value.isfinite().all():
            raise InputError(
                f"expected finite numbers in the adapted extractor, got NaN or infinity in {name}; "
                "lower Adapt.learning_rate"
            )
    return adapted
