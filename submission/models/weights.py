"""Files of frozen extractor weights: safetensors in float16, with a card beside them."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from submission.files import replacing, sha256_of, write_json
from submission.models.extractor import FeatureExtractor

__all__ = ["card_path", "load_extractor", "read_card", "save_extractor"]


def card_path(path: Path) -> Path:
    """Names the card that belongs to a weights file."""
    return path.with_suffix(".json")


def save_extractor(extractor: FeatureExtractor, path: Path, card: dict[str, Any]) -> str:
    """Writes weights in float16 and their card, which then also names architecture and hash.

    Args:
        extractor: the trained extractor.
        path: file to write, ending in `.safetensors`.
        card: what a reader should know: data, seeds, settings, accuracy.

    Returns:
        The file's sha256.
    """
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in extractor.state_dict().items()
    }
    with replacing(path) as beside:
        save_file(tensors, beside, metadata={"architecture": extractor.architecture})
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
        raise FileNotFoundError(
            f"expected the card {card} beside the weights; python -m submission finetune makes both"
        )
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"expected JSON in {card}, got {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"expected a JSON object in {card}, got {type(content).__name__}")
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
    if not path.is_file():
        raise FileNotFoundError(
            f"expected extractor weights at {path}; python -m submission finetune makes them"
        )
    expected = read_card(path).get("sha256")
    digest = sha256_of(path)
    if digest != expected:
        raise ValueError(
            f"expected {path} to have the sha256 {expected} of its card, got {digest}; "
            "restore the file or finetune anew"
        )
    try:
        with safe_open(path, framework="pt") as file:
            architecture = (file.metadata() or {}).get("architecture", "vgg19_bn")
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"expected a safetensors file at {path}, got {error}") from error
    extractor = FeatureExtractor(architecture)
    try:
        extractor.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(
            f"expected the tensors of a {architecture} extractor in {path}, got {error}"
        ) from error
    if not all(bool(torch.isfinite(value).all()) for value in extractor.state_dict().values()):
        raise ValueError(f"expected finite weights in {path}, got NaN or infinity")
    return extractor.eval().requires_grad_(requires_grad=False)
