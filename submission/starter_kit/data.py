"""The starter kit's functions for data sets and loaders."""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from submission.data.ground_truth import as_ground_truth
from submission.data.images import open_images
from submission.server.environment import read_environment

__all__ = ["DLIBDataset", "get_dataset", "get_dataset_name", "get_loader"]


def get_dataset_name() -> str:
    """Reads the data set's name from AICROWD_DATASET_NAME; the stand-in when it is unset.

    Example:
        >>> import os
        >>> from unittest.mock import patch
        >>> with patch.dict(os.environ, AICROWD_DATASET_NAME="mpi3d_toy"):
        ...     get_dataset_name()
        'mpi3d_toy'
    """
    return read_environment().dataset_name


@lru_cache(maxsize=2)
def _order(num_images: int, seed: int, turn: int) -> npt.NDArray[np.int64]:
    """Draws the order in which one turn visits each image once."""
    return np.random.default_rng((seed, turn)).permutation(num_images)


class DLIBDataset(Dataset[Tensor]):
    """Images in a random order that depends on the seed; item k is always the same image.

    Item k is image number k of an endless sequence that visits every image once before it visits
    any image again. So a loader with workers gets the same images as one without. Numbers from
    `len` on continue the sequence. A worker maps the file again instead of receiving the images.

    Args:
        name: of the data set.
        seed: for the order and for `random_state`.
        iterator_len: number of images of an epoch.

    Attributes:
        random_state: for the functions of `dataset`; the items do not use it.
    """

    def __init__(self, name: str, seed: int = 0, iterator_len: int = 50_000) -> None:
        self.name = name
        self.seed = seed
        self.iterator_len = iterator_len
        self.random_state = np.random.RandomState(seed)
        self._images = open_images(name, read_environment().data_path)

    @cached_property
    def dataset(self) -> Any:
        """The same images as disentanglement_lib's functions take them."""
        return self.load_dataset()

    def load_dataset(self) -> Any:
        """Wraps the images as disentanglement_lib's `GroundTruthData`."""
        return as_ground_truth(self._images)

    def __getstate__(self) -> dict[str, Any]:
        # The library's classes cannot be pickled; whoever unpickles this makes its own.
        return {name: value for name, value in vars(self).items() if name != "dataset"}

    def __len__(self) -> int:
        return self.iterator_len

    def __getitem__(self, item: int) -> Tensor:
        """Reads image `item` of the sequence as (3, 64, 64) float32 in [0, 1]."""
        if item < 0:
            raise IndexError(f"expected an item from 0 on, got {item}")
        turn, place = divmod(int(item), len(self._images.images))
        index = _order(len(self._images.images), self.seed, turn)[place]
        pixels = np.moveaxis(self._images.images[index], 2, 0)
        return torch.from_numpy(pixels.astype(np.float32)).div_(255)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[item] for item in range(len(self)))


class _NextEpoch(Sampler[int]):
    """Yields the items' numbers of one epoch; each iteration yields those of the next epoch."""

    def __init__(self, num_items: int) -> None:
        self._num_items = num_items
        self._epoch = 0

    def __len__(self) -> int:
        return self._num_items

    def __iter__(self) -> Iterator[int]:
        start = self._epoch * self._num_items
        self._epoch += 1
        return iter(range(start, start + self._num_items))


def get_dataset(name: str | None = None, seed: int = 0, iterator_len: int = 50_000) -> DLIBDataset:
    """Makes a data set.

    Args:
        name: of the data set; by default that of AICROWD_DATASET_NAME.
        seed: for the order and for `random_state`.
        iterator_len: number of images of an epoch.
    """
    return DLIBDataset(get_dataset_name() if name is None else name, seed, iterator_len)


def get_loader(
    name: str | None = None,
    batch_size: int = 32,
    seed: int = 0,
    iterator_len: int = 50_000,
    num_workers: int = 0,
    **dataloader_kwargs: Any,
) -> DataLoader[Tensor]:
    """Makes a loader of (B, 3, 64, 64) batches; an epoch continues where the last one ended.

    Args:
        name: of the data set; by default that of AICROWD_DATASET_NAME.
        batch_size: images of a batch; a `batch_sampler` decides that itself.
        seed: for the order.
        iterator_len: number of images of an epoch.
        num_workers: processes that read; their number does not change the batches.
        dataloader_kwargs: further arguments of `DataLoader`.

    Example:
        >>> import os, tempfile
        >>> from pathlib import Path
        >>> from unittest.mock import patch
        >>> from submission.data.catalogue import RENDERER_VERSION
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "standin_toy", "standin_toy.npz")
        ...     file.parent.mkdir()
        ...     images, sizes = np.zeros((4, 64, 64, 3), np.uint8), (1, 1, 1, 1, 1, 2, 2)
        ...     np.savez(file, images=images, factor_sizes=sizes, renderer_version=RENDERER_VERSION)
        ...     with patch.dict(os.environ, DISENTANGLEMENT_LIB_DATA=folder):
        ...         loader = get_loader("standin_toy", batch_size=2, iterator_len=6)
        ...     [tuple(batch.shape) for batch in loader]
        [(2, 3, 64, 64), (2, 3, 64, 64), (2, 3, 64, 64)]
    """
    dataset = get_dataset(name, seed, iterator_len)
    if not dataloader_kwargs.keys() & {"sampler", "batch_sampler", "shuffle"}:
        dataloader_kwargs["sampler"] = _NextEpoch(iterator_len)
    if "batch_sampler" not in dataloader_kwargs:
        dataloader_kwargs["batch_size"] = batch_size
    return DataLoader(dataset, num_workers=num_workers, **dataloader_kwargs)
