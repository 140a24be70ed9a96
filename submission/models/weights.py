"""Files of frozen extractor weights: safetensors in float16, with a card beside them."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from submission.errors import InputError, MissingFileError
from submission.files import replacing, sha256_of, write_json
from submission.models.extractor import FeatureExtractor, Heads

__all__ = ["card_path", "has_heads", "load_extractor", "load_heads", "read_card", "save_extractor"]

HEADS = "heads."


def card_path(path: Path) -> Path:
    """Names the card that belongs to a weights file."""
    return path.with_suffix(".json")


def save_extractor(
    extractor: FeatureExtractor, path: Path, card: dict[str, Any], heads: Heads | None = None
) -> str:
    """Writes weights in float16 and their card, which then also names architecture and hash.

    Args:
        extractor: the trained extractor.
        path: file to write, ending in `.safetensors`.
        card: what a reader should know: data, seeds, settings, accuracy.
        heads: the classifiers trained with it, if they are to be kept.

    Returns:
        The file's sha256.
    """
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in extractor.state_dict().items()
    }
    metadata = {"architecture": extractor.architecture}
    if heads is not None:
        metadata |= {"factors": json.dumps(heads.names), "head_scale": repr(heads.scale)}
        for name, weight, bias in zip(heads.names, heads.weights, heads.biases, strict=True):
            tensors[f"{HEADS}{name}.weight"] = weight.detach().half().contiguous().cpu()
            tensors[f"{HEADS}{name}.bias"] = bias.detach().half().contiguous().cpu()
    with replacing(path) as beside:
        save_file(tensors, beside, metadata=metadata)
    digest = sha256_of(path)
    write_json(card_path(path), {"sha256": digest, "architecture": extractor.architecture, **card})
    return digest


def read_card(path: Path) -> dict[str, Any]:
    """Reads the card of a weights file.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is not a JSON object.
    """
    card = card_path(path)
    if not card.is_file():
        raise MissingFileError(
            f"expected the card {card} beside the weights; python -m submission finetune makes both"
        )
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"expected JSON in {card}, got {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"expected a JSON object in {card}, got {type(content).__name__}")
    return content


def load_extractor(path: Path) -> FeatureExtractor:
    """Loads frozen weights, checked against the hash on their card.

    Args:
        path: a `.safetensors` file with its card beside it.

    Returns:
        The extractor in evaluation mode, float32, on the CPU.

    Raises:
        FileNotFoundError: if weights or card are missing.
        ValueError: if the file is damaged, does not match its card, or holds other tensors.
    """
    metadata, tensors = _read(path)
    tensors = {name: value for name, value in tensors.items() if not name.startswith(HEADS)}
    architecture = metadata.get("architecture", "vgg19_bn")
    extractor = FeatureExtractor(architecture)
    try:
        extractor.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(
            f"expected the tensors of a {architecture} extractor in {path}, got {error}"
        ) from error
    if not all(bool(torch.isfinite(value).all()) for value in extractor.state_dict().values()):
        raise InputError(f"expected finite weights in {path}, got NaN or infinity")
    return extractor.eval().requires_grad_(requires_grad=False)


def has_heads(path: Path) -> bool:
    """Whether classifiers were kept with frozen weights, see `load_heads`."""
    return "factors" in _read(path)[0]


def load_heads(path: Path) -> Heads:
    """Loads the classifiers that were kept with frozen weights.

    Args:
        path: a `.safetensors` file with its card beside it.

    Raises:
        FileNotFoundError: if weights or card are missing.
        ValueError: if the file is damaged, does not match its card, or holds no heads.
    """
    metadata, tensors = _read(path)
    names: tuple[str, ...] = tuple(json.loads(metadata.get("factors", "[]")))
    try:
        weights = tuple(tensors[f"{HEADS}{name}.weight"].float() for name in names)
        biases = tuple(tensors[f"{HEADS}{name}.bias"].float() for name in names)
    except KeyError as error:
        raise InputError(f"expected the head {error} in {path}; finetune anew") from error
    if not names:
        raise InputError(
            f"expected heads in {path}, got an extractor alone; finetune anew, or choose "
            "Fit.latents='shared', which needs none"
        )
    if not all(bool(value.isfinite().all()) for value in (*weights, *biases)):
        raise InputError(f"expected finite heads in {path}, got NaN or infinity")
    return Heads(names, weights, biases, float(metadata.get("head_scale", "1")))


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise MissingFileError(
            f"expected extractor weights at {path}; python -m submission finetune makes them"
        )
    expected = read_card(path).get("sha256")
    digest = sha256_of(path)
    if digest != expected:
        raise InputError(
            f"expected {path} to have the sha256 {expected} of its card, got {digest}; "
            "restore the file or finetune anew"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(f"expected a safetensors file at {path}, got {error}") from error
    return metadata, tensors
