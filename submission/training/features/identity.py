"""What stored features are named after: everything that decides them, the code included."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from submission.training.checkpoint import sha256_of_json

__all__ = ["PACKAGE", "SOURCES", "identity_of_features", "sources_sha256"]

PACKAGE = Path(__file__).parents[2]

SOURCES = (
    "data/archive.py",
    "data/image_set.py",
    "data/images.py",
    "data/npy.py",
    "data/npz.py",
    "data/unpacked.py",
    "factors.py",
    "models/convolutions.py",
    "models/extractor.py",
    "models/folding.py",
    "models/frozen.py",
    "models/heads.py",
    "models/imagenet.py",
    "models/pooled.py",
    "models/rmac.py",
    "models/small_maps.py",
    "models/weights.py",
    "models/winograd.py",
    "training/adam.py",
    "training/adapt",
    "training/augmentation.py",
    "training/batches.py",
    "training/compilation.py",
    "training/features/extract.py",
    "training/losses.py",
    "training/loop.py",
    "training/precision.py",
    "training/radam.py",
    "training/schedule.py",
    "training/seeds.py",
)
"""Files and folders of the package whose code decides the adapted extractor or its features."""

PACKAGES = ("torch", "torchvision", "numpy")


def identity_of_features(**facts: Any) -> str:
    """Hashes what features depend on: facts of the run, the code, and versions of packages.

    An edit of the code or another version of a package gives another hash. So a run never takes
    features from a store that the present code would not compute.

    Args:
        facts: data, weights, settings and hardware, as values that JSON or `str` can express.

    Returns:
        64 hexadecimal digits.
    """
    versions = {name: version(name) for name in PACKAGES}
    return sha256_of_json({**facts, "sources": sources_sha256(), "versions": versions})


def sources_sha256() -> str:
    """Hashes the names and contents of the files in `SOURCES`."""
    digest = hashlib.sha256()
    for name in SOURCES:
        place = PACKAGE / name
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(PACKAGE).as_posix()} {content}\n".encode())
    return digest.hexdigest()
