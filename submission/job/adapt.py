"""Adapts the frozen extractor to the data set's domain without labels, once for all processes."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from submission.console import progress_bar, say
from submission.job.inputs import RunInputs, adaptation_of
from submission.training.adapt.norms import norm_statistics, reestimate_norms
from submission.training.adapt.tuning import Tuning
from submission.training.allocator import release_freed_memory
from submission.training.features.store import FeatureStore

__all__ = ["ADAPTATION_BATCH", "adapt"]

ADAPTATION_BATCH = 256
"""Images of a pass while batch norms are adapted."""


def adapt(
    inputs: RunInputs,
    store: FeatureStore | None,
    checkpoint: Path,
    report: Callable[[float], object] = lambda fraction: None,
) -> None:
    """Tunes the extractor and adapts its batch norms, as far as the settings ask for it.

    The first process computes, the others take over what it found.

    Args:
        inputs: with the extractor, which is changed.
        store: where the outcome is found if an earlier run was here, and kept.
        checkpoint: of the tuning, read and written.
        report: told the share of the tuning that is done, rising from 0 to 1.

    Raises:
        ValueError: if there are too few images, or the checkpoint is of another run.
        InterruptedError: if the run is told to stop.
    """
    if not (inputs.adapt.num_tuning_images or inputs.adapt.num_norm_images):
        return
    changed = norm_statistics(inputs.extractor)
    if inputs.adapt.num_tuning_images:
        changed += inputs.extractor.parameters()
    adapted = _flat(changed)
    if inputs.devices.is_first:
        if store is not None and store.read("adapted", adapted):
            _put(inputs, changed, adapted)
            say("extractor: adapted to these images in an earlier run")
        else:
            _compute(inputs, checkpoint, report)
            adapted = _flat(changed)
            if store is not None:
                store.write("adapted", adapted)
    if inputs.devices.num_processes > 1:
        _put(inputs, changed, inputs.devices.fabric.broadcast(adapted))


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([value.detach().reshape(-1) for value in tensors])


@torch.no_grad()
def _put(inputs: RunInputs, changed: list[Tensor], adapted: Tensor) -> None:
    parts = torch.split(adapted, [value.numel() for value in changed])
    for value, part in zip(changed, parts, strict=True):
        value.copy_(part.view_as(value))
    # As computing leaves it, so that the exported file has the same bytes.
    inputs.extractor.to(memory_format=torch.channels_last)


def _compute(inputs: RunInputs, checkpoint: Path, report: Callable[[float], object]) -> None:
    images, dtype = inputs.images.images, inputs.precision.dtype
    if inputs.adapt.num_tuning_images:
        assert inputs.heads is not None
        tuning = Tuning(inputs.extractor, inputs.heads, images, inputs.adapt, inputs.device, dtype)
        for factor, value, share in tuning.rare_values():
            say(
                f"warning: expected each value of {factor} about equally often, the extractor sees "
                f"{value} in {100 * share:.1f} % of the images; if it is rare or missing, set "
                "Adapt.num_tuning_images=0"
            )
        with progress_bar(tuning.num_images, "tuning", " images") as bar:

            def advance(num_images: int) -> None:
                bar.update(num_images)
                report(bar.n / bar.total)

            tuning.run(checkpoint, adaptation_of(inputs), advance)
        del tuning
        release_freed_memory()
    wanted = inputs.adapt.num_norm_images or inputs.adapt.num_tuning_images
    count = min(wanted, len(images))
    batch_size = min(ADAPTATION_BATCH, count)
    with progress_bar(count // batch_size * batch_size, "adaptation", " images") as bar:
        reestimate_norms(
            inputs.extractor,
            images,
            count,
            batch_size,
            seed=0,
            device=inputs.device,
            dtype=dtype,
            advance=bar.update,
        )
