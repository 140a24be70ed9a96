"""ImageNet weights of a trunk: from torchvision's store, or from the same file on disk."""

import pickle
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn
from torchvision.models import get_model_weights

from submission.console import say
from submission.errors import InputError, MissingFileError
from submission.files import sha256_of
from submission.models.extractor import ARCHITECTURES

__all__ = ["architecture_of", "imagenet_file", "load_imagenet_trunk"]

SECONDS_TO_ANSWER = 20.0


def architecture_of(source: str) -> str:
    """Tells the trunk that weights are of by the file's name, as torchvision names its files.

    Args:
        source: such as "folder/vgg16_bn-6c64b313.pth".

    Returns:
        One of `ARCHITECTURES`; the paper's vgg19_bn if the name begins with none of them.
    """
    name = Path(source).name
    return next((known for known in ARCHITECTURES if name.startswith(known)), "vgg19_bn")


def imagenet_file(architecture: str, source: str, way_out: str, setting: str) -> tuple[Path, str]:
    """Finds the file of a trunk's ImageNet weights, downloads it if asked to, and checks its hash.

    The first eight digits of the sha256 must be those in the file's own name, as in
    vgg19_bn-c79401a0.pth, or, under any other name, those of the published file.

    Args:
        architecture: one of `ARCHITECTURES`.
        source: "imagenet" for the published file, downloaded into PyTorch's cache at the first
            time, or the path of a file.
        way_out: what else can be done, for the error messages.
        setting: what the path can be given by, for the error messages.

    Returns:
        The file and its sha256.

    Raises:
        FileNotFoundError: if there is no file at the path.
        ValueError: if the download fails, or the hash is another.
    """
    url: str = get_model_weights(architecture)["IMAGENET1K_V1"].url
    published = url.rsplit("/", 1)[1]
    way_out = f"get {published} from {url} and give its path as {setting}, or {way_out}"
    if source == "imagenet":
        path = Path(torch.hub.get_dir()) / "checkpoints" / published
        if not path.is_file():
            _download(url, path, way_out)
    else:
        path = Path(source)
        if not path.is_file():
            raise MissingFileError(
                f"expected ImageNet weights at {path}, got no such file; {way_out}"
            )
    named = re.fullmatch(rf"{architecture}-([0-9a-f]{{8}})\.pth", path.name)
    expected = named[1] if named else _digits(published)
    digest = sha256_of(path)
    if not digest.startswith(expected):
        name = path.name if named else published
        raise InputError(
            f"expected {path} to be {name} (sha256 {expected}...), got {digest[:8]}...; {way_out}"
        )
    if expected != _digits(published):
        say(f"{path.name} is not the file that torchvision publishes, {published}")
    return path, digest


def load_imagenet_trunk(trunk: nn.Module, path: Path) -> None:
    """Replaces a trunk's weights by those of a classifier that torchvision's code has saved.

    Args:
        trunk: changed in place.
        path: the classifier's tensors; those of its convolutional layers are used.

    Raises:
        ValueError: if the file holds something else.
    """
    prefix = "features."
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(loaded, dict):
            raise InputError(f"a {type(loaded).__name__}")
        found = {str(key): value for key, value in loaded.items()}
        trunk.load_state_dict(
            {key.removeprefix(prefix): found[key] for key in found if key.startswith(prefix)}
        )
    except (RuntimeError, EOFError, LookupError, ValueError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"expected the tensors of a VGG in {path}, got: {reason}") from error


def _digits(name: str) -> str:
    return name.rsplit("-", 1)[1].removesuffix(".pth")


def _download(url: str, path: Path, way_out: str) -> None:
    say(f"downloading {url} to {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _bounded_waiting():
            torch.hub.download_url_to_file(url, str(path), hash_prefix=_digits(path.name))
    except (OSError, RuntimeError) as error:
        raise InputError(f"expected to download {path.name}, got: {error}; {way_out}") from error


@contextmanager
def _bounded_waiting() -> Iterator[None]:
    """Gives up on a silent connection after some seconds; PyTorch itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS_TO_ANSWER)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
