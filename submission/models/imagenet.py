"""ImageNet weights of a trunk: torchvision's published file, downloaded or given by its path."""

import contextlib
import fcntl
import pickle
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import torch
from torch import nn
from torchvision.models import get_model_weights

from submission.console import say
from submission.errors import InputError, MissingFileError, one_line
from submission.files import sha256_of
from submission.models.extractor import ARCHITECTURES

__all__ = ["architecture_of", "imagenet_file", "load_imagenet_trunk"]

SECONDS_TO_ANSWER = 20.0
LOCK_NAME = "download.lock"


def architecture_of(source: str) -> str:
    """Reads the architecture off a weights file's name, as torchvision names its files.

    Args:
        source: such as "folder/vgg16_bn-6c64b313.pth".

    Returns:
        One of `ARCHITECTURES`. It is vgg19_bn, as in the paper, if the name begins with none.

    Example:
        >>> architecture_of("folder/vgg16_bn-6c64b313.pth")
        'vgg16_bn'
    """
    name = Path(source).name
    return next((known for known in ARCHITECTURES if name.startswith(known)), "vgg19_bn")


def imagenet_file(architecture: str, source: str, way_out: str, setting: str) -> tuple[Path, str]:
    """Finds the file of a trunk's ImageNet weights, downloads it if asked to, and checks its hash.

    The file's sha256 must begin with the eight digits in its name, such as
    vgg19_bn-c79401a0.pth. A file with another name must be the published one. Of several processes
    that share a cache, one downloads and the others wait.

    Args:
        architecture: one of `ARCHITECTURES`.
        source: "imagenet" for the published file in PyTorch's cache, downloaded if it is missing;
            otherwise the path of a file.
        way_out: what else the user can do, for the error messages.
        setting: name of the setting that takes the path, for the error messages.

    Returns:
        The file and its sha256.

    Raises:
        MissingFileError: if there is no file at the path.
        InputError: if the download fails, or the hash differs.
    """
    url: str = get_model_weights(architecture)["IMAGENET1K_V1"].url
    published = url.rsplit("/", 1)[1]
    way_out = f"get {published} from {url} and give its path as {setting}, or {way_out}"
    if source == "imagenet":
        path = Path(torch.hub.get_dir()) / "checkpoints" / published
        if not path.is_file():
            _download_once(url, path, way_out)
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
    """Replaces a trunk's weights by those of a torchvision classifier.

    Args:
        trunk: changed in place.
        path: the classifier's state dict. Only its convolutional layers are used.

    Raises:
        InputError: if the file holds something else.
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
        raise InputError(
            f"expected the tensors of a VGG in {path}, got: {one_line(error)}"
        ) from error


def _digits(name: str) -> str:
    return name.rsplit("-", 1)[1].removesuffix(".pth")


def _download_once(url: str, path: Path, way_out: str) -> None:
    """Downloads a file, unless another process does so first."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _one_process_in(path.parent), _bounded_waiting():
            if not path.is_file():
                say(f"downloading {url} to {path}")
                torch.hub.download_url_to_file(url, str(path), hash_prefix=_digits(path.name))
    except (OSError, RuntimeError, HTTPException) as error:
        raise InputError(f"expected to download {path}, got: {error}; {way_out}") from error


@contextmanager
def _one_process_in(folder: Path) -> Iterator[None]:
    """Waits for other processes in this block; the system releases a killed process's lock."""
    with (folder / LOCK_NAME).open("a") as file:
        with contextlib.suppress(OSError):  # not every file system has locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _bounded_waiting() -> Iterator[None]:
    """Makes connections fail after 20 seconds of silence. PyTorch itself would wait forever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS_TO_ANSWER)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
