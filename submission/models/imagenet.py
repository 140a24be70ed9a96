"""ImageNet weights of the trunk: from torchvision's store, or from the same file on disk."""

from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import get_model_weights

from submission.files import sha256_of
from submission.models.extractor import FeatureExtractor

__all__ = ["load_imagenet_trunk"]


def load_imagenet_trunk(extractor: FeatureExtractor, source: str) -> None:
    """Replaces the trunk's weights by those that torchvision publishes for ImageNet.

    Args:
        extractor: changed in place.
        source: "imagenet" to download them, hash checked, or the path of the published file,
            such as vgg19_bn-c79401a0.pth.

    Raises:
        FileNotFoundError: if the path does not exist.
        ValueError: if the download fails, or the file is not the published one.
    """
    weights = get_model_weights(extractor.architecture)["IMAGENET1K_V1"]
    name = Path(weights.url).name
    if source == "imagenet":
        try:
            tensors = weights.get_state_dict(check_hash=True, progress=True)
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"expected to download {name}, got {error}; "
                "give the file's path, or start at random with start=''"
            ) from error
    else:
        tensors = _read(Path(source), name)
    prefix = "features."
    trunk = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
    extractor.trunk.load_state_dict(trunk)


def _read(path: Path, name: str) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(
            f"expected ImageNet weights at {path}; torchvision calls them {name}"
        )
    expected = name.rsplit("-", 1)[1].removesuffix(".pth")
    digest = sha256_of(path)
    if not digest.startswith(expected):
        raise ValueError(
            f"expected {path} to be {name} (sha256 {expected}...), got {digest[:8]}..."
        )
    tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return tensors
