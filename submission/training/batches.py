"""Labelled images of several sets as one, and the order in which an epoch visits them."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from submission.data.image_set import ImageSet
from submission.errors import InputError
from submission.factors import IntArray

__all__ = [
    "LabelledImages",
    "epoch_batches",
    "num_batches",
    "read_images",
    "split_indices",
    "to_unit_range",
]


def read_images(
    images: npt.NDArray[np.uint8], rows: slice | IntArray, device: torch.device
) -> Tensor:
    """Copies images from an array, which may be a memory map.

    For a GPU the copy is in pinned memory, from which the GPU copies while the CPU goes on.

    Args:
        images: (N, H, W, 3).
        rows: B of them.
        device: where they will be moved to. They are read into the CPU's memory.

    Returns:
        (B, H, W, 3) uint8 on the CPU.

    Example:
        >>> images = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
        >>> read_images(images, slice(1, 3), torch.device("cpu")).flatten().tolist()
        [1, 2]
    """
    chosen = images[rows]
    pixels = torch.empty(chosen.shape, dtype=torch.uint8, pin_memory=device.type == "cuda")
    pixels.numpy()[:] = chosen
    return pixels


def to_unit_range(images: Tensor, device: torch.device) -> Tensor:
    """Moves (B, H, W, 3) uint8 images to a device as (B, 3, H, W) float32 in [0, 1].

    The channels stay innermost in memory, which is the layout that convolutions run fastest on.

    Example:
        >>> images = torch.full((2, 64, 64, 3), 255, dtype=torch.uint8)
        >>> moved = to_unit_range(images, torch.device("cpu"))
        >>> tuple(moved.shape), float(moved.max())
        ((2, 3, 64, 64), 1.0)
    """
    return images.to(device, non_blocking=True).permute(0, 3, 1, 2).float().div_(255)


class LabelledImages:
    """Several image sets of one factor space under one index. Images are read when taken.

    Args:
        sets: at least one set. The sizes of the factors must be equal.

    Raises:
        InputError: if there is no set or their factor sizes differ.

    Example:
        >>> from pathlib import Path
        >>> from submission.factors import FactorSpace
        >>> images = np.zeros((6, 64, 64, 3), dtype=np.uint8)
        >>> toy = ImageSet("toy", Path(), images, FactorSpace(("shape", "size"), (2, 3)))
        >>> pixels, factors = LabelledImages([toy, toy]).take(np.array([5, 6]))
        >>> tuple(pixels.shape), factors.tolist()  # the first set's last image, the second's first
        ((2, 64, 64, 3), [[1, 2], [0, 0]])
    """

    def __init__(self, sets: Sequence[ImageSet]) -> None:
        if not sets:
            raise InputError("expected at least one set of labelled images, got none")
        self.space = sets[0].space
        for other in sets[1:]:
            if other.space.sizes != self.space.sizes:
                raise InputError(
                    f"expected the factor sizes {self.space.sizes} of {sets[0].name} in every set, "
                    f"got {other.space.sizes} in {other.name}; use sets of one grid"
                )
        self.sets = tuple(sets)
        self._ends = np.cumsum([image_set.space.num_points for image_set in sets])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def take(self, indices: IntArray, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
        """Reads images by index, a pure function of it.

        Args:
            indices: (B,) in 0..len-1, any order.
            device: where they will be moved to, see `read_images`; None for the CPU.

        Returns:
            (B, 64, 64, 3) uint8 images and their (B, F) int64 factor values, -1 where unknown; on
            the CPU.
        """
        pinned = device is not None and device.type == "cuda"
        which = np.searchsorted(self._ends, indices, side="right")
        local = indices % self.space.num_points
        shape = (len(indices), *self.sets[0].images.shape[1:])
        pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=pinned)
        images, factors = pixels.numpy(), self.space.index_to_factors(local)
        for number in np.unique(which):
            rows = np.flatnonzero(which == number)
            rows = rows[np.argsort(local[rows])]
            images[rows] = self.sets[number].images[local[rows]]
            for name in self.sets[number].unknown:
                factors[rows, self.space.names.index(name)] = -1
        values = torch.from_numpy(factors)
        return pixels, values.pin_memory() if pinned else values


def num_batches(available: int, batch_size: int, setting: str, what: str) -> int:
    """Counts the whole batches in a number of images or features.

    Args:
        available: the number.
        batch_size: of a batch.
        setting: the setting that holds it, for the message.
        what: what is counted, for the message.

    Raises:
        InputError: if there is not one whole batch.

    Example:
        >>> num_batches(1000, 256, "Fit.batch_size", "features")
        3
    """
    if available < batch_size:
        raise InputError(
            f"expected {setting} to be at most {available}, the number of {what}, got "
            f"{batch_size}; lower it or use a larger grid"
        )
    return available // batch_size


def split_indices(images: LabelledImages, fraction: float, seed: int) -> tuple[IntArray, IntArray]:
    """Splits each set at random into a training and a validation part (paper, section 2.1).

    Args:
        images: the sets.
        fraction: part of each set held out, in (0, 1).
        seed: decides the split.

    Returns:
        Indices of the training and of the validation images.

    Example:
        >>> from pathlib import Path
        >>> from submission.factors import FactorSpace
        >>> images = np.zeros((10, 64, 64, 3), dtype=np.uint8)
        >>> toy = ImageSet("toy", Path(), images, FactorSpace(("shape", "size"), (2, 5)))
        >>> [len(part) for part in split_indices(LabelledImages([toy]), fraction=0.2, seed=0)]
        [8, 2]
    """
    random = np.random.default_rng(seed)
    num_points = images.space.num_points
    num_held_out = min(max(1, round(fraction * num_points)), num_points - 1)
    training, validation = [], []
    for number in range(len(images.sets)):
        order = number * num_points + random.permutation(num_points)
        validation.append(np.sort(order[:num_held_out]))
        training.append(np.sort(order[num_held_out:]))
    return np.concatenate(training), np.concatenate(validation)


def epoch_batches(
    indices: IntArray, batch_size: int, num_images: int, seed: int, epoch: int
) -> Iterator[IntArray]:
    """Yields an epoch's batches of indices in a random order that seed and epoch decide.

    Args:
        indices: what to draw from; an epoch draws each index at most once.
        batch_size: B. An incomplete last batch is left out.
        num_images: images of this epoch, at most all of `indices`.
        seed: of the run.
        epoch: number of the epoch.

    Example:
        >>> batches = list(epoch_batches(np.arange(10), 4, num_images=10, seed=0, epoch=0))
        >>> [len(batch) for batch in batches], len(set(np.concatenate(batches)))
        ([4, 4], 8)
    """
    random = np.random.default_rng((seed, epoch))
    order = random.choice(indices, size=min(num_images, len(indices)), replace=False)
    for start in range(0, len(order) - batch_size + 1, batch_size):
        yield order[start : start + batch_size]
