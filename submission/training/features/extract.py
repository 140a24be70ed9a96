"""Turns a set of images into a matrix of features kept in memory once (paper, section 2.2)."""

from collections.abc import Callable
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor, nn

from submission.console import say
from submission.models.extractor import FEATURE_SIZE
from submission.training.batches import to_unit_range
from submission.training.devices import Devices
from submission.training.features.store import FeatureStore
from submission.training.prefetch import prefetched

__all__ = ["extract_features"]

BATCHES_PER_CHUNK = 4
SMALLEST_CHUNK = 64


@torch.inference_mode()
def extract_features(
    extractor: nn.Module,
    images: npt.NDArray[np.uint8],
    devices: Devices,
    batch_size: int = 256,
    feature_type: torch.dtype = torch.float32,
    advance: Callable[[int], object] = lambda num_images: None,
    store: FeatureStore | None = None,
) -> Tensor:
    """Runs the frozen extractor over all images, chunk by chunk.

    Which images make a batch depends on their number and the batch size alone, not on what is
    stored already nor on the number of processes. Several processes compute contiguous runs of
    chunks and hand each finished chunk to the first process, which alone stores them.

    Args:
        extractor: maps (B, 3, H, W) images in [0, 1] to (B, 512) features.
        images: (N, H, W, 3), read batch by batch, so it may be a memory map.
        devices: where to compute.
        batch_size: images of a pass; it does not change the features beyond rounding.
        feature_type: number format that the matrix is kept in.
        advance: told the numbers of images that are done.
        store: keeps finished chunks; used by the first process only.

    Returns:
        (N, 512) features on the CPU, in the order of the images; no rows on all processes but the
        first.
    """
    extractor = extractor.to(devices.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    step = max(SMALLEST_CHUNK, BATCHES_PER_CHUNK * batch_size)
    num_rows = len(images) if devices.is_first else min(step, len(images))
    matrix = torch.empty(num_rows, FEATURE_SIZE, dtype=feature_type)
    chunks = _slices(0, len(images), step)
    stored = {
        number
        for number, chunk in enumerate(chunks)
        if store is not None and devices.is_first and store.read(chunk.start, matrix[chunk])
    }
    if stored:
        num_stored = sum(chunks[number].stop - chunks[number].start for number in stored)
        say(f"going on from {num_stored:,} of {len(images):,} stored features")
        advance(num_stored)
    missing = [number for number in range(len(chunks)) if number not in stored]
    shares = _shares([chunks[number] for number in devices.fabric.broadcast(missing)], devices)
    own = shares[devices.number]
    pixels = prefetched(
        torch.from_numpy(np.array(images[batch]))
        for chunk in own
        for batch in _slices(chunk.start, chunk.stop, batch_size)
    )

    def finish(chunk: slice) -> None:
        if store is not None:
            store.write(chunk.start, matrix[chunk])

    for number, chunk in enumerate(own):
        rows = matrix[chunk] if devices.is_first else matrix[: chunk.stop - chunk.start]
        for batch in _slices(0, len(rows), batch_size):
            computed = extractor(to_unit_range(next(pixels), devices.device))  # (B, 512)
            rows[batch] = computed.to("cpu", feature_type)
            advance(len(computed))
        if not devices.is_first:
            dist.send(rows, 0)
            continue
        finish(chunk)
        for process, share in enumerate(shares[1:], start=1):
            if number < len(share):
                dist.recv(matrix[share[number]], process)
                finish(share[number])
                advance(share[number].stop - share[number].start)
    if store is not None:
        store.finish()
    return matrix if devices.is_first else matrix[:0]


def _slices(start: int, stop: int, step: int) -> list[slice]:
    return [slice(first, min(first + step, stop)) for first in range(start, stop, step)]


def _shares(chunks: list[slice], devices: Devices) -> list[list[slice]]:
    """Cuts chunks into a run for each process; the first process has at least as many as others."""
    size, rest = divmod(len(chunks), devices.num_processes)
    ends = list(accumulate(size + (number < rest) for number in range(devices.num_processes)))
    return [chunks[begin:end] for begin, end in pairwise([0, *ends])]
