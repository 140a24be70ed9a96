"""The frozen extractor of a run: finetuned, that of stage 1, or one to compare them with."""

from pathlib import Path
from typing import NamedTuple

from submission.errors import InputError
from submission.models.extractor import Extractor, plain_vectors
from submission.models.heads import Heads
from submission.models.imagenet import architecture_of, imagenet_file, load_imagenet_trunk
from submission.models.pooled import POOLINGS, random_extractor
from submission.models.rmac import INPUT_SIZE, rmac
from submission.models.weights import load_weights
from submission.server.environment import user_path

__all__ = ["LEARNED", "RANDOM", "FrozenExtractor", "load_extractor", "require_heads"]

RANDOM = "random"
LEARNED = ("finetuned", "unnormalised")
"""Kinds with the learned aggregation, whose features the heads were trained on."""


class FrozenExtractor(NamedTuple):
    """An extractor as a run gets it.

    Attributes:
        extractor: in evaluation mode, float32, on the CPU, without gradients.
        heads: trained on its features; None if there are none.
        path: of the weights file, or "random".
        sha256: of the weights file, or "random".
    """

    extractor: Extractor
    heads: Heads | None
    path: Path
    sha256: str


def load_extractor(kind: str, weights: str, folder: Path) -> FrozenExtractor:
    """Loads the extractor that features come from, with its heads.

    Args:
        kind: as `Extract.kind`. "finetuned" is the finetuned extractor. "unnormalised" is the same
            without the L2 norm. "stage1" is an ImageNet trunk with R-MAC. The others pool the maps
            of a trunk without the learned aggregation.
        weights: a `.safetensors` file for a finetuned extractor. "imagenet" or the path of a
            published file, such as vgg19_bn-c79401a0.pth, for stage 1. Any of these for a pooled
            trunk, or "random" for a trunk that was not trained.
        folder: where a relative path starts; one that begins with ~ starts at a home folder.

    Raises:
        MissingFileError: if the weights are missing.
        InputError: if they cannot be downloaded or are not what they should be.

    Example:
        >>> load_extractor("finetuned", "random", Path())
        Traceback (most recent call last):
        submission.errors.InputError: expected a .safetensors file ... got 'random'; ...
    """
    if kind in POOLINGS and weights == RANDOM:
        return FrozenExtractor(_freeze(random_extractor(kind)), None, Path(RANDOM), RANDOM)
    if kind != "stage1" and weights.endswith(".safetensors"):
        return _load_finetuned(kind, folder / user_path(weights))
    if kind in LEARNED:
        raise InputError(
            f"expected a .safetensors file as Extract.weights for Extract.kind='{kind}', got "
            f"{weights!r}; python -m submission finetune makes one"
        )
    architecture = architecture_of(weights)
    path, sha256 = imagenet_file(
        architecture,
        weights if weights == "imagenet" else str(folder / user_path(weights)),
        "run without it: ./run.sh configs/paper.gin",
        setting="Extract.weights",
    )
    pool, size = (POOLINGS[kind], None) if kind in POOLINGS else (rmac, INPUT_SIZE)
    extractor = Extractor(architecture, pool, size)
    load_imagenet_trunk(extractor.trunk, path)
    return FrozenExtractor(_freeze(extractor), None, path, sha256)


def require_heads(frozen: FrozenExtractor) -> Heads:
    """Gives an extractor's heads.

    Raises:
        InputError: if it has none.
    """
    if frozen.heads is None:
        raise InputError(
            f"expected heads in {frozen.path}, got an extractor alone; finetune again, or set "
            "Fit.latents='shared' and switch tuning off, which need none"
        )
    return frozen.heads


def _load_finetuned(kind: str, path: Path) -> FrozenExtractor:
    finetuned, heads, sha256 = load_weights(path)
    if kind not in POOLINGS:
        if kind == "unnormalised":
            finetuned.pool = plain_vectors
        return FrozenExtractor(finetuned, heads, path, sha256)
    pooled = Extractor(finetuned.architecture, POOLINGS[kind])
    pooled.trunk = finetuned.trunk
    return FrozenExtractor(_freeze(pooled), None, path, sha256)


def _freeze(extractor: Extractor) -> Extractor:
    return extractor.eval().requires_grad_(requires_grad=False)
