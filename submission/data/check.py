"""Checks that a file is what its name says, from its checksum and from a sample of its images."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.console import progress_bar
from submission.data.catalogue import STANDIN_NAMES, look_of
from submission.data.image_set import ImageSet
from submission.data.npz import verify_checksum
from submission.errors import InputError

__all__ = ["SampleStatistics", "check_checksums", "check_sample", "sample_statistics"]

FloatArray = npt.NDArray[np.float64]

CHUNK = 1 << 22
NUM_SAMPLED = 4096
MEAN_TOLERANCE = 0.01
STANDIN_TOLERANCE = 0.03
NEIGHBOUR_RATIO = 0.8


@dataclass(frozen=True)
class SampleStatistics:
    """What a sample of images looks like; levels are in [0, 1].

    Attributes:
        mean: (3,) of each channel.
        std: (3,) standard deviation over all pixels of each channel.
        num_images: sampled.
        num_flat: how many of them have a single colour.
        neighbour_ratio: mean absolute difference of images that differ by one step of the last
            factor, divided by that of images drawn at random; nan if no factor has two values.
    """

    mean: FloatArray
    std: FloatArray
    num_images: int
    num_flat: int
    neighbour_ratio: float


def sample_statistics(
    image_set: ImageSet, num_images: int = NUM_SAMPLED, seed: int = 0
) -> SampleStatistics:
    """Looks at one random image from each of `num_images` equal stretches of the file.

    Args:
        image_set: the images.
        num_images: sample size, at most all.
        seed: decides the sample.
    """
    random = np.random.default_rng(seed)
    space = image_set.space
    bounds = np.linspace(0, space.num_points, min(num_images, space.num_points) + 1).astype(int)
    index = random.integers(bounds[:-1], bounds[1:])
    images = np.asarray(image_set.images[index])
    pixels = images.reshape(len(index), -1, images.shape[-1])
    flat = (pixels == pixels[:, :1]).all(axis=(1, 2))
    wide = [j for j, size in enumerate(space.sizes) if size > 1]
    ratio = float("nan")
    if wide:
        step = int(space.strides[wide[-1]])
        last = index // step % space.sizes[wide[-1]] == space.sizes[wide[-1]] - 1
        beside = np.asarray(image_set.images[np.where(last, index - step, index + step)])
        apart = images[random.permutation(len(images))]
        ratio = _distance(images, beside) / max(_distance(images, apart), 1e-9)
    return SampleStatistics(
        pixels.mean(axis=(0, 1)) / 255,
        pixels.std(axis=(0, 1)) / 255,
        len(index),
        int(flat.sum()),
        ratio,
    )


def check_sample(image_set: ImageSet, seed: int = 0) -> list[str]:
    """Compares a sample of an MPI3D or stand-in set with the published statistics.

    Args:
        image_set: the images.
        seed: decides the sample.

    Returns:
        Lines that say what was found.

    Raises:
        ValueError: if images are flat, out of order, or of other colours than the name's.
    """
    found = sample_statistics(image_set, seed=seed)
    where = f"{found.num_images:,} sampled images of {image_set.path}"
    if found.num_flat:
        raise InputError(
            f"{found.num_flat:,} of {where} are a single flat colour; the file is corrupt, "
            "fetch it again"
        )
    if found.neighbour_ratio > NEIGHBOUR_RATIO:
        raise InputError(
            f"expected neighbours in the grid to look alike in {where}, but they differ "
            f"{found.neighbour_ratio:.2f} times as much as strangers; the images are corrupt or "
            "out of order, fetch the file again"
        )
    lines = [
        f"sample: {found.num_images:,} images, channel means {_triple(found.mean)}, "
        f"deviations {_triple(found.std)}",
        f"order: neighbours differ {found.neighbour_ratio:.2f} times as much as strangers",
    ]
    look = look_of(image_set.name)
    if look is None or look.mean is None:
        return [*lines, f"statistics: none are published for {image_set.name}"]
    tolerance = STANDIN_TOLERANCE if image_set.name in STANDIN_NAMES else MEAN_TOLERANCE
    expected = np.array(look.mean)
    if np.abs(found.mean - expected).max() > tolerance:
        raise InputError(
            f"expected channel means {_triple(expected)} of {look.name} (within {tolerance}), got "
            f"{_triple(found.mean)} in {where}; it is another set or corrupt, fetch it again"
        )
    return [*lines, f"statistics: channel means within {tolerance} of {look.name}'s"]


def check_checksums(image_set: ImageSet) -> list[str]:
    """Reads the whole file and compares it with the checksums that are known.

    Returns:
        Lines that say what was found; a file whose MD5 is not the one of 2019 is not an error,
        since the same images can be packed anew.

    Raises:
        ValueError: if the images are not those that the file was written with.
    """
    verify_checksum(image_set.path)
    lines = ["checksum: the images are those that the file was written with"]
    look = look_of(image_set.name)
    if look is None or look.md5 is None or image_set.name in STANDIN_NAMES:
        return lines
    found = _md5_of(image_set.path)
    if found == look.md5:
        return [*lines, f"md5: {found}, the file as first published"]
    return [*lines, f"md5: {found}, not that of the file as first published ({look.md5})"]


def _distance(some: npt.NDArray[np.uint8], others: npt.NDArray[np.uint8]) -> float:
    """Computes the mean absolute difference in levels."""
    return float(np.abs(some.astype(np.int16) - others).mean())


def _triple(values: FloatArray) -> str:
    """Formats the values of three channels."""
    return " ".join(f"{value:.3f}" for value in values)


def _md5_of(path: Path) -> str:
    """Hashes a file's bytes as its publishers did, with progress."""
    digest = hashlib.md5(usedforsecurity=False)
    size = path.stat().st_size
    with path.open("rb") as file, progress_bar(size, f"md5 of {path.name}", "B") as bar:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            bar.update(len(chunk))
    return digest.hexdigest()
