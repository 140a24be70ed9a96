"""The starter kit's functions for models: where the evaluator looks, export, import, encoding."""

import os
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from submission.errors import InputError, UserError
from submission.models.export import export, load_exported
from submission.models.scorable import reason_of
from submission.server.environment import read_environment
from submission.starter_kit.data import get_dataset
from submission.starter_kit.modules import copy_of, evaluation_mode, in_float32

__all__ = [
    "ExperimentConfig",
    "export_model",
    "get_config",
    "get_model_path",
    "import_model",
    "make_representor",
    "use_cuda",
]

PathLike = str | os.PathLike[str]

NUM_SAMPLES = 64
"""Images that a model is tried on before it is exported."""

ExperimentConfig = namedtuple("ExperimentConfig", ("base_path", "experiment_name", "dataset_name"))


def get_config() -> ExperimentConfig:
    """Reads output folder, experiment's name and data set's name from the AICROWD_ variables.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict(os.environ, AICROWD_EVALUATION_NAME="mine"):
        ...     get_config().experiment_name
        'mine'
    """
    environment = read_environment()
    return ExperimentConfig(
        str(environment.output_path), environment.evaluation_name, environment.dataset_name
    )


def use_cuda() -> bool:
    """Says whether there is a GPU and AICROWD_CUDA does not forbid it."""
    return torch.cuda.is_available() and read_environment().cuda is not False


def get_model_path(
    base_path: PathLike | None = None, experiment_name: str | None = None, make: bool = True
) -> str:
    """Names the file in which the evaluator looks for the representation.

    Args:
        base_path: folder of all experiments; by default that of AICROWD_OUTPUT_PATH.
        experiment_name: by default that of AICROWD_EVALUATION_NAME.
        make: make the file's folder, and `results` in it.

    Example:
        >>> get_model_path("scratch", "mine", make=False)
        'scratch/mine/representation/pytorch_model.pt'
    """
    environment = read_environment()
    if base_path is not None:
        environment = replace(environment, output_path=Path(base_path))
    if experiment_name is not None:
        environment = replace(environment, evaluation_name=experiment_name)
    path = environment.model_path
    if make:
        (path.parent / "results").mkdir(parents=True, exist_ok=True)
    return str(path)


def export_model(
    model: nn.Module,
    path: PathLike | None = None,
    input_shape: tuple[int, ...] = (1, 3, 64, 64),
    use_script_module: bool = True,
) -> str:
    """Writes a copy of a model for the evaluator and checks the written file.

    The model stays as it is, on its device and in its mode. The copy is moved to the CPU. If it
    does not take float32 images, which the evaluator sends, it is converted to float32.

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
        InputError: if the model cannot be copied or traced, if it fails, if its codes are not as
            the evaluator needs them, or if the file computes others. The message says which.

    Example:
        >>> import tempfile
        >>> model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())  # codes are mean colours
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = export_model(model, Path(folder, "model.pt"))
        ...     import_model(path)(torch.ones(1, 3, 64, 64))
        tensor([[1., 1., 1.]])
    """
    path = get_model_path() if path is None else os.fspath(path)
    copied = copy_of(model).cpu().eval()
    images = _sample_images(input_shape[1:])
    error = _error_of(copied, images[:1])
    if error is not None and in_float32(copied):
        error = _error_of(copied, images[:1])
    if error is not None:
        raise InputError(
            f"expected codes for {tuple(images[:1].shape)} float32 images on the CPU, the model "
            f"raised {type(error).__name__}: {reason_of(error)}; make it accept them, without more "
            "arguments"
        ) from error
    export(copied, images, Path(path))
    return path


def _error_of(model: nn.Module, images: Tensor) -> Exception | None:
    """Calls a model; returns what it raised, or None."""
    try:
        with torch.no_grad():
            model(images)
    except Exception as error:  # noqa: BLE001 - a user's own code may raise anything
        return error
    return None


def _sample_images(shape: tuple[int, ...]) -> Tensor:
    """Takes 64 images of the data set; where it has others or is not there, noise.

    A latent may well be constant over noise alone, so noise gets many means and contrasts.
    """
    try:
        dataset = get_dataset()
    except UserError:
        dataset = None
    if dataset is not None and dataset[0].shape == shape:
        return torch.stack([dataset[item] for item in range(NUM_SAMPLES)])
    random = torch.Generator().manual_seed(0)
    low, high = torch.rand(2, NUM_SAMPLES, shape[0], 1, 1, generator=random).sort(dim=0).values
    images: Tensor = low + (high - low) * torch.rand(NUM_SAMPLES, *shape, generator=random)
    return images


def import_model(path: PathLike | None = None, use_script_module: bool = True) -> nn.Module:
    """Reads an exported model onto the CPU, in evaluation mode.

    Args:
        path: the file; by default where the evaluator looks.
        use_script_module: has no effect: only TorchScript is read, since reading a pickled module
            runs whatever code is in it.

    Raises:
        MissingFileError: if there is no file.
        InputError: if it is not TorchScript.
    """
    return load_exported(Path(get_model_path(make=False) if path is None else path))


def make_representor(
    model: nn.Module, cuda: bool | None = None
) -> Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]:
    """Wraps a model as the representation function that disentanglement_lib calls.

    Args:
        model: maps (B, 3, 64, 64) images to (B, C) codes. It is moved to the device. During a
            call it is in evaluation mode; afterwards each of its modules has its own mode again.
        cuda: use a GPU; by default what `use_cuda` says.

    Returns:
        A function from (B, 64, 64, 3) images in [0, 1] to (B, C) codes. It raises InputError
        when images or codes are no array or have another number of dimensions.

    Example:
        >>> model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        >>> represent = make_representor(model, cuda=False)
        >>> represent(np.ones((1, 64, 64, 3)))
        array([[1., 1., 1.]], dtype=float32)
    """
    device = torch.device("cuda" if (use_cuda() if cuda is None else cuda) else "cpu")
    model = model.to(device)

    def represent(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        if not isinstance(images, np.ndarray) or images.ndim != 4:
            raise InputError(f"expected an array of shape (B, H, W, 3), got {np.shape(images)}")
        pixels = torch.from_numpy(np.moveaxis(images, 3, 1)).to(device, torch.float32)
        with torch.no_grad(), evaluation_mode(model):
            codes = model(pixels)
        if not isinstance(codes, Tensor):
            raise InputError(f"expected a tensor of codes, got a {type(codes).__name__}")
        if codes.ndim != 2:
            raise InputError(f"expected (B, C) codes, got shape {tuple(codes.shape)}")
        values: npt.NDArray[np.float32] = codes.cpu().numpy()
        return values

    return represent
