"""Labelled images that are no grid: read from a file, or drawn from a data set."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.image_file import write_images
from submission.data.image_set import ImageSet, map_images
from submission.data.images import open_images
from submission.errors import InputError, MissingFileError
from submission.factors import FactorSpace, is_axis
from submission.scoring.arrays import IntArray

__all__ = ["LabelledSample", "draw_sample", "read_sample", "stored_set"]

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class LabelledSample:
    """Images with factor values, some of which may be unknown.

    Attributes:
        name: of the sample, for titles.
        images: (N, 64, 64, 3) uint8.
        labels: (N, F) factor values from 0, or -1 for unknown.
        domains: (N,) name of each image's domain.
    """

    name: str
    images: Pixels
    labels: IntArray
    domains: npt.NDArray[np.str_]


def read_sample(path: Path, where: Sequence[str] = ()) -> LabelledSample:
    """Reads a sample from an `.npz` file.

    The file holds `images`, (N, 64, 64, 3) uint8, and `labels`, (N, F) integers with -1 for
    unknown. It may hold `domain`, N words; without it, all images are of one domain.

    Args:
        path: the file.
        where: conditions such as `source=NAME` on further members of N words; all must hold.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if the file does not hold that, or no image fulfils the conditions.
    """
    if not path.is_file():
        raise MissingFileError(f"expected a file of labelled images at {path}, got none")
    try:
        with np.load(path, allow_pickle=False) as file:
            members = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"expected an .npz file of plain arrays at {path}, got {error}") from error
    images, labels = members.get("images"), members.get("labels")
    if images is None or images.dtype != np.uint8 or images.shape[1:] != (64, 64, 3):
        found = "none" if images is None else f"{images.shape} {images.dtype}"
        raise InputError(f"expected images (N, 64, 64, 3) of type uint8 in {path}, got {found}")
    if labels is None or labels.dtype.kind not in "iu" or labels.shape[:1] != images.shape[:1]:
        found = "none" if labels is None else f"{labels.shape} {labels.dtype}"
        raise InputError(f"expected labels ({len(images)}, F) of integers in {path}, got {found}")
    domains = members.get("domain", np.full(len(images), path.stem))
    if domains.shape != images.shape[:1]:
        raise InputError(f"expected {len(images)} words as domain in {path}, got {domains.shape}")
    chosen = np.ones(len(images), dtype=bool)
    for condition in where:
        member, sign, word = condition.partition("=")
        if not sign or member not in members or members[member].shape != (len(images),):
            raise InputError(
                f"expected a condition such as domain=real on one of {', '.join(members)} of "
                f"{path}, got {condition!r}"
            )
        chosen &= members[member].astype(str) == word
    if not chosen.any():
        raise InputError(f"expected images with {' and '.join(where)} in {path}, got none")
    return LabelledSample(
        path.stem, images[chosen], labels[chosen].astype(np.int64), domains[chosen].astype(str)
    )


def draw_sample(name: str, folder: Path, count: int, sizes: Sequence[int]) -> LabelledSample:
    """Draws images of a labelled data set at random, without repetition.

    Args:
        name: of the data set.
        folder: of the data sets.
        count: number of images; all if the set has fewer.
        sizes: the numbers of values that the heads know. The positions of a coarser grid are
            counted on the heads' axes, which span the same angles.

    Raises:
        MissingFileError: if the set is not there.
        InputError: if it has other factors than the heads.
    """
    images = open_images(name, folder)
    space = images.space
    if len(space.sizes) != len(sizes):
        raise InputError(f"expected {len(sizes)} factors, as the heads have, got {space.names}")
    random = np.random.default_rng(0)
    rows = np.sort(random.choice(len(images.images), min(count, len(images.images)), replace=False))
    labels = space.index_to_factors(rows)
    for factor, (title, size) in enumerate(zip(space.names, space.sizes, strict=True)):
        if is_axis(title) and size > 1:
            scale = (sizes[factor] - 1) / (size - 1)
            labels[:, factor] = np.rint(labels[:, factor] * scale)
    return LabelledSample(name, images.images[rows], labels, np.full(len(rows), name))


def stored_set(name: str, images: Pixels, folder: Path) -> ImageSet:
    """Writes images to a file and opens it as a set without factors, to adapt to.

    Args:
        name: of the set.
        images: (N, 64, 64, 3).
        folder: where the file `NAME.npz` is written.
    """
    path = folder / f"{name}.npz"
    write_images(path, images.shape, [(0, images)])
    return ImageSet(name, path, map_images(path), FactorSpace(("image",), (len(images),)))
