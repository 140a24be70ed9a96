"""Turns a set of images into a matrix of features in memory (paper, section 2.2)."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor, nn

from submission.console import progress_bar, say
from submission.errors import Stopped
from submission.models.extractor import FEATURE_SIZE
from submission.training.batches import read_images, to_unit_range
from submission.training.compilation import compiled, compiling_pays
from submission.training.devices import Devices
from submission.training.features.store import FeatureStore
from submission.training.interruption import stop_requested
from submission.training.prefetch import num_readers, prefetched
from submission.training.transfer import NUM_LATE, brought_to_cpu

__all__ = ["extract_features"]

BATCHES_PER_CHUNK = 4
SMALLEST_CHUNK = 64

Pixels = npt.NDArray[np.uint8]


@torch.inference_mode()
def extract_features(
    extractor: nn.Module,
    images: Pixels,
    devices: Devices,
    batch_size: int = 256,
    feature_type: torch.dtype = torch.float32,
    store: FeatureStore | None = None,
    report: Callable[[float], object] = lambda share: None,
) -> Tensor:
    """Computes the feature of every image, chunk by chunk.

    The number of images and the batch size alone decide which images make a batch. Each of several
    processes computes a contiguous run of chunks and sends every finished chunk to the first
    process, which stores it. On SIGTERM or SIGINT, the extraction stops after the batch it is in.
    A GPU is given the next batches before the features of a batch are taken from it.

    Args:
        extractor: frozen; maps (B, 3, H, W) images in [0, 1] to (B, D) features. D is its attribute
            `num_features`, or 512 if it has none.
        images: (N, H, W, 3), read batch by batch, so it may be a memory map.
        devices: where to compute.
        batch_size: images of a pass; it changes the features by rounding errors only.
        feature_type: number format of the matrix.
        store: keeps finished chunks; used by the first process only.
        report: called after each batch with the share of images that are done, in [0, 1].

    Returns:
        (N, D) features on the CPU, in the order of the images. Processes other than the first
        receive no rows.

    Raises:
        Stopped: if a signal stopped the extraction.

    Example:
        >>> from submission.training.devices import one_device
        >>> extractor = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 512))
        >>> images = np.zeros((5, 8, 8, 3), dtype=np.uint8)
        >>> tuple(extract_features(extractor, images, one_device(torch.device("cpu"))).shape)
        (5, 512)
    """
    device = devices.device
    extractor = extractor.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    compute: Callable[[Tensor], Tensor] = extractor
    if compiling_pays(len(images), getattr(extractor, "input_size", images.shape[1]), device):
        compute = compiled(extractor, batch_size)
    chunks = _slices(0, len(images), max(SMALLEST_CHUNK, BATCHES_PER_CHUNK * batch_size))
    num_rows = len(images) if devices.is_first else _length(chunks[0])
    width = getattr(extractor, "num_features", FEATURE_SIZE)
    matrix = torch.empty(num_rows, width, dtype=feature_type)
    stored = _read_stored(store, chunks, matrix) if devices.is_first else set()
    missing = [chunk for number, chunk in enumerate(chunks) if number not in stored]
    shares = _shares(devices.fabric.broadcast(missing), devices.num_processes)
    num_done = sum(_length(chunks[number]) for number in stored)

    with (
        stop_requested() as stop,
        progress_bar(len(images), "features", " images", initial=num_done) as bar,
    ):

        def advance(num_images: int) -> None:
            nonlocal num_done
            num_done += num_images
            bar.update(num_images)
            report(num_done / len(images))
            if signal_number := stop():
                place = f"{num_done:,} of {len(images):,} features"
                raise Stopped(f"stopped at {place}; the same command continues", signal_number)

        own = shares[devices.number]
        batches = [b for chunk in own for b in _slices(chunk.start, chunk.stop, batch_size)]
        read = partial(read_images, images, device=device)
        pixels = prefetched(read, batches, num_readers(device))
        on_device = (compute(to_unit_range(batch, device)).to(feature_type) for batch in pixels)
        computed = brought_to_cpu(on_device, NUM_LATE if device.type == "cuda" else 0)
        for number, chunk in enumerate(own):
            rows = matrix[chunk] if devices.is_first else matrix[: _length(chunk)]
            for batch in _slices(0, len(rows), batch_size):
                rows[batch] = next(computed)  # (B, 512)
                advance(_length(batch))
            if not devices.is_first:
                dist.send(rows, 0)
                continue
            finished = [chunk]
            for process, share in enumerate(shares[1:], start=1):
                if number < len(share):
                    dist.recv(matrix[share[number]], process)
                    finished.append(share[number])
                    advance(_length(share[number]))
            if store is not None:
                for chunk in finished:
                    store.write(chunk.start, matrix[chunk])
    if store is not None:
        store.finish()
    return matrix if devices.is_first else matrix[:0]


def _read_stored(store: FeatureStore | None, chunks: list[slice], matrix: Tensor) -> set[int]:
    """Fills the matrix with stored chunks; returns their numbers."""
    if store is None:
        return set()
    stored = {n for n, chunk in enumerate(chunks) if store.read(chunk.start, matrix[chunk])}
    if stored:
        num_stored = sum(_length(chunks[number]) for number in stored)
        say(f"continuing from {num_stored:,} of {len(matrix):,} stored features")
    return stored


def _slices(start: int, stop: int, step: int) -> list[slice]:
    return [slice(first, min(first + step, stop)) for first in range(start, stop, step)]


def _length(chunk: slice) -> int:
    return int(chunk.stop - chunk.start)


def _shares(chunks: list[slice], num_processes: int) -> list[list[slice]]:
    """Cuts chunks into a run for each process; the first process has at least as many as others."""
    parts = np.array_split(np.arange(len(chunks)), num_processes)
    return [[chunks[number] for number in part] for part in parts]
