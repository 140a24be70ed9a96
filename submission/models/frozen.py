"""The frozen extractor of a run: finetuned, that of stage 1, or one to compare them with."""

from pathlib import Path

from submission.errors import InputError
from submission.models.extractor import Extractor, plain_vectors
from submission.models.imagenet import architecture_of, imagenet_file, load_imagenet_trunk
from submission.models.pooled import POOLINGS, PooledExtractor, random_extractor
from submission.models.rmac import RMACExtractor
from submission.models.weights import load_extractor, read_card

__all__ = ["KINDS", "LEARNED", "RANDOM", "load_frozen"]

RANDOM = "random"
LEARNED = ("finetuned", "unnormalised")
"""Kinds with the learned aggregation, whose features the heads were trained on."""

KINDS = (*LEARNED, "stage1", *POOLINGS)


def load_frozen(kind: str, weights: str, folder: Path) -> tuple[Extractor, Path, str]:
    """Loads the extractor that features come from.

    Args:
        kind: one of `KINDS`: the finetuned extractor, the same without the L2 norm, that of
            stage 1, or the finetuned trunk pooled without the learned aggregation.
        weights: of a finetuned extractor its `.safetensors` file; of stage 1 "imagenet", or the
            path of the published file, vgg19_bn-c79401a0.pth. For a pooled trunk all of these,
            and "random" for a trunk that has learnt nothing.
        folder: where a relative path starts.

    Returns:
        The extractor in evaluation mode, float32, on the CPU; its weights' file and the sha256.

    Raises:
        FileNotFoundError: if the weights are missing.
        ValueError: if they cannot be had or are not what they should be.
    """
    if kind in POOLINGS and weights == RANDOM:
        return _freeze(random_extractor(kind)), Path(RANDOM), RANDOM
    if kind != "stage1" and weights.endswith(".safetensors"):
        return _load_finetuned(kind, folder / weights)
    if kind in LEARNED:
        raise InputError(
            f"expected a .safetensors file for Extract.kind='{kind}', got {weights!r}; "
            "python -m submission finetune makes them"
        )
    architecture = architecture_of(weights)
    path, digest = imagenet_file(
        architecture,
        weights if weights == "imagenet" else str(folder / weights),
        "run without it: ./run.sh configs/paper.gin",
        setting="Extract.weights",
    )
    pooled = kind in POOLINGS
    extractor = PooledExtractor(architecture, kind) if pooled else RMACExtractor(architecture)
    load_imagenet_trunk(extractor.trunk, path)
    return _freeze(extractor), path, digest


def _load_finetuned(kind: str, path: Path) -> tuple[Extractor, Path, str]:
    extractor: Extractor = load_extractor(path)
    if kind == "unnormalised":
        extractor.pool = plain_vectors
    elif kind in POOLINGS:
        finetuned, extractor = extractor, PooledExtractor(extractor.architecture, kind)
        extractor.trunk = finetuned.trunk
    return _freeze(extractor), path, read_card(path)["sha256"]


def _freeze(extractor: Extractor) -> Extractor:
    return extractor.eval().requires_grad_(requires_grad=False)
