"""Files of extractor weights: safetensors in float16, with a card beside them."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from submission.errors import InputError, MissingFileError, one_line
from submission.files import replacing, sha256_of, write_json
from submission.models.extractor import FeatureExtractor
from submission.models.heads import Heads

__all__ = ["Weights", "card_path", "load_weights", "read_card", "save_extractor"]

HEADS = "heads."


class Weights(NamedTuple):
    """What a weights file holds: frozen, in evaluation mode, float32, on the CPU.

    Attributes:
        extractor: trunk and aggregation.
        heads: the classifiers trained with it; None if the file has none.
        sha256: of the file.
    """

    extractor: FeatureExtractor
    heads: Heads | None
    sha256: str


def card_path(path: Path) -> Path:
    """Names the card that belongs to a weights file.

    Example:
        >>> card_path(Path("weights/extractor.safetensors")).as_posix()
        'weights/extractor.json'
    """
    return path.parent / f"{path.stem}.json"


def save_extractor(
    extractor: FeatureExtractor, path: Path, card: dict[str, Any], heads: Heads | None = None
) -> None:
    """Writes weights and their card, which then also names architecture and hash.

    A tensor is stored in float16. It is stored in float32 if float16 would make a number infinite
    (above 65504) or a variance zero (below 3e-8).

    Args:
        extractor: the trained extractor.
        path: file to write, ending in `.safetensors`.
        card: what a reader should know: data, seeds, settings, accuracy.
        heads: the classifiers trained with it; None to leave them out.

    Raises:
        InputError: if a tensor holds NaN or infinity; nothing is written.
        OutputError: if the files cannot be written.
    """
    tensors = dict(extractor.state_dict())
    metadata = {"architecture": extractor.architecture}
    if heads is not None:
        metadata |= {"factors": json.dumps(heads.names), "head_scale": repr(heads.scale)}
        for name, weight, bias in zip(heads.names, heads.weights, heads.biases, strict=True):
            tensors |= {f"{HEADS}{name}.weight": weight, f"{HEADS}{name}.bias": bias}
    stored = {name: _stored(name, value) for name, value in tensors.items()}
    content = save(stored, metadata=metadata)
    with replacing(path, len(content)) as beside:
        beside.write_bytes(content)
    digest = sha256_of(path)
    write_json(card_path(path), {"sha256": digest, "architecture": extractor.architecture, **card})


def _stored(name: str, value: Tensor) -> Tensor:
    """Gives the form in which a tensor is stored."""
    value = value.detach().cpu().contiguous()
    if not value.is_floating_point():
        return value
    if not value.isfinite().all():
        raise InputError(
            f"expected finite weights to save, got NaN or infinity in {name}; train again with a "
            "lower Finetune.learning_rate"
        )
    half = value.half()
    vanishes = name.endswith("running_var") and bool(((half == 0) & (value > 0)).any())
    return half if half.isfinite().all() and not vanishes else value.float()


def read_card(path: Path) -> dict[str, Any]:
    """Reads the card of a weights file.

    Raises:
        MissingFileError: if there is none.
        InputError: if it is not a JSON object.

    Example:
        >>> read_card(Path("weights/extractor.safetensors"))["architecture"]
        'vgg19_bn'
    """
    card = card_path(path)
    if not card.is_file():
        raise MissingFileError(
            f"expected the card {card} beside the weights, got no such file; python -m submission "
            "finetune makes both"
        )
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"expected JSON in {card}, got {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"expected a JSON object in {card}, got {type(content).__name__}")
    return content


def load_weights(path: Path) -> Weights:
    """Loads an extractor, and heads if there are any, and checks the file's hash on its card.

    Args:
        path: a `.safetensors` file with its card beside it.

    Raises:
        MissingFileError: if weights or card are missing.
        InputError: if the file is damaged, does not match its card, or holds other tensors.

    Example:
        >>> extractor, heads, sha256 = load_weights(Path("weights/extractor.safetensors"))
        >>> heads.names[:2]
        ('object_color', 'object_shape')
    """
    metadata, tensors, sha256 = _read(path)
    of_heads = {name: tensors.pop(name) for name in list(tensors) if name.startswith(HEADS)}
    with torch.device("meta"):
        extractor = FeatureExtractor(metadata.get("architecture", "vgg19_bn"))
    _load(extractor, tensors, f"a {extractor.architecture} extractor", path)
    heads = _make_heads(metadata, of_heads, path) if "factors" in metadata else None
    return Weights(extractor.eval().requires_grad_(requires_grad=False), heads, sha256)


def _make_heads(metadata: dict[str, str], tensors: dict[str, Tensor], path: Path) -> Heads:
    try:
        names = tuple(map(str, json.loads(metadata["factors"])))
        sizes = [len(tensors[f"{HEADS}{name}.bias"]) for name in names]
        heads = Heads(names, sizes, float(metadata.get("head_scale", "1")))
        state = {
            f"layers.{number}.{part}": tensors[f"{HEADS}{name}.{part}"]
            for number, name in enumerate(names)
            for part in ("weight", "bias")
        }
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"expected a head for each of the factors {metadata['factors']} in {path}, got none "
            f"that fits ({error}); finetune again"
        ) from error
    _load(heads, state, f"heads for {', '.join(names)}", path)
    return heads.eval().requires_grad_(requires_grad=False)


def _load(module: nn.Module, tensors: dict[str, Tensor], what: str, path: Path) -> None:
    """Puts the tensors of a file into a module, in float32."""
    floats = {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}
    try:
        module.load_state_dict(floats, assign=True)
    except RuntimeError as error:
        raise InputError(
            f"expected the tensors of {what} in {path}, got: {one_line(error)}"
        ) from error
    for name, value in module.state_dict().items():
        if not value.isfinite().all():
            raise InputError(f"expected finite weights in {path}, got NaN or infinity in {name}")


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor], str]:
    if not path.is_file():
        raise MissingFileError(
            f"expected extractor weights at {path}, got no such file; python -m submission "
            "finetune makes them"
        )
    expected, digest = read_card(path).get("sha256"), sha256_of(path)
    if digest != expected:
        raise InputError(
            f"expected {path} to have the sha256 {expected} of its card, got {digest}; "
            "restore the file or finetune again"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(f"expected a safetensors file at {path}, got {error}") from error
    return metadata, tensors, digest
