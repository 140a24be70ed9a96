"""Checks that a file is what its name says, from its checksum and from a sample of its images."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from submission.data.archive import chunks_of
from submission.data.catalogue import published_like, renewal
from submission.data.image_set import ImageSet
from submission.data.npz import verify_checksum
from submission.errors import InputError

__all__ = [
    "Finding",
    "SampleStatistics",
    "check_checksums",
    "check_colors",
    "sample_statistics",
]

FloatArray = npt.NDArray[np.float64]

NUM_SAMPLED = 4096

TOLERANCE = 0.01
"""How far a channel's mean or standard deviation may be from the published one."""


class Finding(NamedTuple):
    """What a check found.

    Attributes:
        text: one line.
        is_doubt: whether the file may not be what its name says, although no fault is certain.
        is_partial: whether something could not be tested.
    """

    text: str
    is_doubt: bool = False
    is_partial: bool = False


class SampleStatistics(NamedTuple):
    """The colours of a sample of images; levels are in [0, 1].

    Attributes:
        mean: (3,) of each channel.
        std: (3,) standard deviation over all pixels of each channel.
        num_images: how many images were sampled.
        num_flat: how many of them have a single colour.
    """

    mean: FloatArray
    std: FloatArray
    num_images: int
    num_flat: int


def sample_statistics(image_set: ImageSet) -> SampleStatistics:
    """Computes the colour statistics of one random image from each of 4,096 equal stretches.

    Example:
        >>> from submission.factors import FactorSpace
        >>> images = np.zeros((2, 64, 64, 3), dtype=np.uint8)
        >>> images[1] = 255
        >>> toy = ImageSet("toy", Path(), images, FactorSpace(("color",), (2,)))
        >>> found = sample_statistics(toy)
        >>> found.mean.tolist(), found.num_flat
        ([0.5, 0.5, 0.5], 2)
    """
    random = np.random.default_rng(0)
    num_points = image_set.space.num_points
    bounds = np.linspace(0, num_points, min(NUM_SAMPLED, num_points) + 1).astype(int)
    images = np.asarray(image_set.images[random.integers(bounds[:-1], bounds[1:])])
    pixels = images.reshape(len(images), -1, images.shape[-1])
    flat = (pixels == pixels[:, :1]).all(axis=(1, 2))
    return SampleStatistics(
        pixels.mean(axis=(0, 1)) / 255,
        pixels.std(axis=(0, 1)) / 255,
        len(images),
        int(flat.sum()),
    )


def check_colors(image_set: ImageSet) -> Iterator[Finding]:
    """Compares the colours of a sample with those of the published set of that name.

    Raises:
        InputError: if sampled images have a single colour each, or the mean or the standard
            deviation of a channel is not that of the name.

    Example:
        >>> from submission.factors import FactorSpace
        >>> images = np.random.default_rng(0).integers(256, size=(2, 64, 64, 3), dtype=np.uint8)
        >>> toy = ImageSet("toy", Path(), images, FactorSpace(("color",), (2,)))
        >>> [finding.text for finding in check_colors(toy)][1]
        'statistics: not compared, since none are published for toy on a grid of 2'
    """
    found = sample_statistics(image_set)
    where = f"{found.num_images:,} sampled images of {image_set.path}"
    if found.num_flat:
        raise InputError(
            f"expected no image of a single colour, got {found.num_flat:,} among {where}; the file "
            f"is corrupt, {renewal(image_set.path)}"
        )
    yield Finding(
        f"sample: {found.num_images:,} images, channel means {_triple(found.mean)}, "
        f"deviations {_triple(found.std)}"
    )
    published = published_like(image_set.name, image_set.space)
    if published is None:
        yield Finding(
            f"statistics: not compared, since none are published for {image_set.name} on a grid of "
            f"{' x '.join(map(str, image_set.space.sizes))}",
            is_partial=True,
        )
        return
    pairs = ("means", found.mean, published.mean), ("deviations", found.std, published.std)
    for what, got, expected in pairs:
        if np.abs(got - np.array(expected)).max() > TOLERANCE:
            raise InputError(
                f"expected channel {what} {_triple(np.array(expected))} of {published.name} "
                f"(within {TOLERANCE}), got {_triple(got)} in {where}; it is another set or "
                f"corrupt, {renewal(image_set.path)}"
            )
    yield Finding(
        f"statistics: channel means and deviations within {TOLERANCE} of {published.name}'s"
    )


def check_checksums(image_set: ImageSet) -> Iterator[Finding]:
    """Reads the whole file and compares it with the checksums that are known.

    A file whose MD5 is not the published one is a doubt and not an error, since the same images
    can be packed into another file.

    Raises:
        InputError: if the images are not those that the file was written with.

    Example:
        >>> import tempfile
        >>> from submission.factors import FactorSpace
        >>> images, space = np.zeros((2, 64, 64, 3), np.uint8), FactorSpace(("color",), (2,))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "toy.npz")
        ...     np.savez(path, images=images)
        ...     [finding.text for finding in check_checksums(ImageSet("toy", path, images, space))]
        ['checksum: the images are those that the file was written with']
    """
    verify_checksum(image_set.path)
    yield Finding("checksum: the images are those that the file was written with")
    published = published_like(image_set.name, image_set.space)
    same = (image_set.name, image_set.space)
    if published is None or (published.name, published.space) != same:
        return
    found = _md5_of(image_set.path)
    if found == published.md5:
        yield Finding(f"md5: {found}, the file as first published")
        return
    yield Finding(
        f"md5: expected {published.md5} of the file as first published, got {found}; unless its "
        "images were packed anew on purpose, fetch it again",
        is_doubt=True,
    )


def _triple(values: FloatArray) -> str:
    """Formats the values of three channels."""
    return " ".join(f"{value:.3f}" for value in values)


def _md5_of(path: Path) -> str:
    """Hashes a file's bytes as its publishers did, with progress."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        for chunk in chunks_of(file, path.stat().st_size, f"md5 of {path.name}"):
            digest.update(chunk)
    return digest.hexdigest()
