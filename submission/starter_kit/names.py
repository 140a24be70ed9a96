"""What the challenge's starter kit offers a training script, without the kit's faults."""

import os
from collections import namedtuple
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from submission.data.ground_truth import as_ground_truth
from submission.data.images import open_images
from submission.errors import InputError
from submission.models.export import export, load_exported
from submission.server.environment import read_environment

__all__ = [
    "DLIBDataset",
    "ExperimentConfig",
    "export_model",
    "get_config",
    "get_dataset",
    "get_dataset_name",
    "get_loader",
    "get_model_path",
    "import_model",
    "make_representor",
    "use_cuda",
]

PathLike = str | os.PathLike[str]

ExperimentConfig = namedtuple("ExperimentConfig", ("base_path", "experiment_name", "dataset_name"))


def get_config() -> ExperimentConfig:
    """Reads output folder, experiment's name and data set's name from the AICROWD_ variables."""
    environment = read_environment()
    return ExperimentConfig(
        str(environment.output_path), environment.evaluation_name, environment.dataset_name
    )


def get_dataset_name() -> str:
    """Reads the data set's name from AICROWD_DATASET_NAME; the stand-in when it is unset."""
    return read_environment().dataset_name


def use_cuda() -> bool:
    """Tells whether a GPU is there and AICROWD_CUDA does not forbid it, in whatever spelling."""
    return torch.cuda.is_available() and read_environment().cuda is not False


def get_model_path(
    base_path: PathLike | None = None, experiment_name: str | None = None, make: bool = True
) -> str:
    """Names the file in which the evaluator looks for the representation.

    Args:
        base_path: folder of all experiments; by default that of AICROWD_OUTPUT_PATH.
        experiment_name: by default that of AICROWD_EVALUATION_NAME.
        make: make the file's folder, and `results` in it.
    """
    config = get_config()
    base = Path(config.base_path if base_path is None else base_path)
    name = config.experiment_name if experiment_name is None else experiment_name
    path = base / name / "representation" / "pytorch_model.pt"
    if make:
        (path.parent / "results").mkdir(parents=True, exist_ok=True)
    return str(path)


def export_model(
    model: nn.Module,
    path: PathLike | None = None,
    input_shape: tuple[int, ...] = (1, 3, 64, 64),
    use_script_module: bool = True,
) -> str:
    """Writes a model for the evaluator and checks the written file; the model stays as it is.

    Args:
        model: maps (B, 3, 64, 64) images in [0, 1] to (B, C) codes, C at least 2; a module is
            traced, a script module is written as it is.
        path: file to write; by default where the evaluator looks.
        input_shape: shape of an input, any batch size.
        use_script_module: has no effect: the evaluator takes TorchScript, so that is written. A
            pickled module would need the training code to be read, and could run any other.

    Returns:
        The path.

    Raises:
        ValueError: if the model gives no such codes, or the file computes others, as it does
            when the model draws random numbers.
    """
    path = get_model_path() if path is None else os.fspath(path)
    with torch.no_grad():  # else the copy of a script module is tied to the original by gradients
        frozen = deepcopy(model).cpu().eval()
    images = torch.rand(64, *input_shape[1:], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        codes = frozen(images[:2])
    if not isinstance(codes, Tensor) or codes.ndim != 2 or codes.shape[0] != 2 or len(codes.T) < 2:
        got = tuple(codes.shape) if isinstance(codes, Tensor) else type(codes).__name__
        raise InputError(
            f"expected the model to map two images to (2, C) codes with C at least 2, got {got}; "
            "export a module that returns the representation alone"
        )
    export(frozen, images, Path(path))
    return path


def import_model(path: PathLike | None = None, use_script_module: bool = True) -> nn.Module:
    """Reads an exported model onto the CPU, in evaluation mode.

    Args:
        path: the file; by default where the evaluator looks.
        use_script_module: has no effect: only TorchScript is read, since reading a pickled module
            runs whatever code is in it.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: if it is not TorchScript.
    """
    return load_exported(Path(get_model_path(make=False) if path is None else path))


def make_representor(
    model: nn.Module, cuda: bool | None = None
) -> Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]:
    """Wraps a model as the representation function that disentanglement_lib calls.

    Args:
        model: maps (B, 3, 64, 64) images to (B, C) codes; it is moved to the device, and put
            into evaluation mode for the time of a call.
        cuda: use a GPU; by default what `use_cuda` says.

    Returns:
        A function from (B, 64, 64, 3) images in [0, 1] to (B, C) codes. It raises ValueError
        when images or codes have another number of dimensions.
    """
    device = torch.device("cuda" if (use_cuda() if cuda is None else cuda) else "cpu")
    model = model.to(device)

    def represent(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        if not isinstance(images, np.ndarray) or images.ndim != 4:
            raise InputError(f"expected an array of shape (B, H, W, 3), got {np.shape(images)}")
        pixels = torch.from_numpy(np.moveaxis(images, 3, 1)).to(device, torch.float32)
        was_training = model.training
        model.eval()
        with torch.no_grad():
            codes: npt.NDArray[np.float32] = model(pixels).cpu().numpy()
        model.train(was_training)
        if codes.ndim != 2:
            raise InputError(f"expected (B, C) codes, got shape {codes.shape}")
        return codes

    return represent


@lru_cache(maxsize=2)
def _order(num_images: int, seed: int, turn: int) -> npt.NDArray[np.int64]:
    """The order in which a turn visits the images, each once."""
    return np.random.default_rng((seed, turn)).permutation(num_images)


class DLIBDataset(Dataset[Tensor]):
    """Images in a random order that the seed decides; an item is a function of its number alone.

    Item k is image number k of an endless sequence that visits every image once before it visits
    any again. So items do not depend on who asks for them, when, or in which process; numbers
    from `len` on continue the sequence.

    Args:
        name: of the data set.
        seed: decides the order.
        iterator_len: number of images of an epoch.
    """

    def __init__(self, name: str, seed: int = 0, iterator_len: int = 50_000) -> None:
        self.name = name
        self.seed = seed
        self.iterator_len = iterator_len
        self._images = open_images(name, read_environment().data_path)

    @cached_property
    def dataset(self) -> Any:
        """The same data set as disentanglement_lib's functions take it."""
        return as_ground_truth(self._images)

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
    """Yields the numbers of an epoch's items, each time those of the next epoch."""

    def __init__(self, num_items: int) -> None:
        self._num_items = num_items
        self._epoch = 0

    def __len__(self) -> int:
        return self._num_items

    def __iter__(self) -> Iterator[int]:
        start = self._epoch * self._num_items
        self._epoch += 1
        return iter(range(start, start + self._num_items))


def get_dataset(
    name: str | None = None, seed: int = 0, iterator_len: int = 50_000
) -> "DLIBDataset":
    """Makes a data set; its name is by default that of AICROWD_DATASET_NAME."""
    return DLIBDataset(get_dataset_name() if name is None else name, seed, iterator_len)


def get_loader(
    name: str | None = None,
    batch_size: int = 32,
    seed: int = 0,
    iterator_len: int = 50_000,
    num_workers: int = 0,
    **dataloader_kwargs: Any,
) -> DataLoader[Tensor]:
    """Makes a loader of (B, 3, 64, 64) batches; every epoch has other images until all were seen.

    Args:
        name: of the data set; by default that of AICROWD_DATASET_NAME.
        batch_size: images of a batch.
        seed: decides the order.
        iterator_len: number of images of an epoch.
        num_workers: processes that read; they do not change what is read.
        dataloader_kwargs: further arguments of `DataLoader`.
    """
    dataset = get_dataset(name, seed, iterator_len)
    if not dataloader_kwargs.keys() & {"sampler", "batch_sampler", "shuffle"}:
        dataloader_kwargs["sampler"] = _NextEpoch(iterator_len)
    return DataLoader(dataset, batch_size, num_workers=num_workers, **dataloader_kwargs)
