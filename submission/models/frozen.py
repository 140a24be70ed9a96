"""The frozen extractor of a run: finetuned, or that of stage 1."""

from pathlib import Path

from submission.models.extractor import Extractor
from submission.models.imagenet import architecture_of, imagenet_file, load_imagenet_trunk
from submission.models.rmac import RMACExtractor
from submission.models.weights import load_extractor, read_card

__all__ = ["KINDS", "load_frozen"]

KINDS = ("finetuned", "stage1")


def load_frozen(kind: str, weights: str, folder: Path) -> tuple[Extractor, Path, str]:
    """Loads the extractor that features come from.

    Args:
        kind: one of `KINDS`.
        weights: of a finetuned extractor its `.safetensors` file; of stage 1 "imagenet", or the
            path of the published file, vgg19_bn-c79401a0.pth.
        folder: where a relative path starts.

    Returns:
        The extractor in evaluation mode, float32, on the CPU; its weights' file and the sha256.

    Raises:
        FileNotFoundError: if the weights are missing.
        ValueError: if they cannot be had or are not what they should be.
    """
    if kind == "finetuned":
        path = folder / weights
        return load_extractor(path), path, read_card(path)["sha256"]
    architecture = architecture_of(weights)
    path, digest = imagenet_file(
        architecture,
        weights if weights == "imagenet" else str(folder / weights),
        "run without it: ./run.sh configs/paper.gin",
        setting="Extract.weights",
    )
    extractor = RMACExtractor(architecture)
    load_imagenet_trunk(extractor.trunk, path)
    return extractor.eval().requires_grad_(requires_grad=False), path, digest
