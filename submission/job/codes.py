"""The codes that are scored: those of the exported file, or training's where they agree."""

import functools
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from submission.console import progress_bar, say
from submission.data.image_set import ImageSet
from submission.errors import InputError, OutputError
from submission.files import sha256_of
from submission.models.export import load_exported
from submission.models.scorable import check_scorable, codes_of
from submission.scoring.arrays import Bytes, Singles
from submission.scoring.checks import check_codes
from submission.scoring.code_table import (
    WAY_OUT,
    CodeDifference,
    CodeTable,
    load_table,
    save_table,
    verify_table,
)
from submission.scoring.results import Source
from submission.server.environment import Environment
from submission.training.batches import to_unit_range
from submission.training.precision import choose_device

__all__ = ["ExportedFile", "ScoredCodes", "codes_to_score"]

CHEAP_SECONDS = 60.0
"""Encoding every image on the CPU is done unasked if it takes at most this long."""

SAME = 1e-3
"""Codes that differ by less, in standard deviations of the widest latent, are the file's own."""

CHUNK = 1024
"""Images that are read at once."""

full_precision = functools.partial(
    torch.backends.cudnn.flags, enabled=True, benchmark=False, deterministic=True, allow_tf32=False
)
"""Lets a GPU convolve in float32; its default rounds codes by about 0.001."""


@dataclass(frozen=True, eq=False)
class ScoredCodes:
    """The codes of every image.

    Attributes:
        table: the codes.
        made_by: "exported file", or "training" for codes of the training's features.
        difference: how far they are from the exported file's, on 256 images.
    """

    table: CodeTable
    made_by: str
    difference: CodeDifference


class ExportedFile:
    """The exported representation, which maps images as they are stored to codes.

    Args:
        path: the TorchScript file.
        device: where to compute.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        self.device = device
        self.batch_size = 64 if device.type == "cpu" else 512
        self.model = load_exported(path, device)
        self.num_encoded, self._seconds = 0, 0.0

    def check(self, images: ImageSet) -> None:
        """Encodes 64 images of the set as the server does; see `check_scorable`."""
        N = images.space.num_points
        chosen = np.sort(np.random.default_rng(0).choice(N, 64, replace=N < 64))
        with full_precision():
            check_scorable(
                self.model, to_unit_range(torch.from_numpy(images.images[chosen]), self.device)
            )

    @torch.inference_mode()
    def encode(self, pixels: Bytes) -> Singles:
        """Maps (n, 64, 64, 3) uint8 images to (n, C) float32 codes."""
        began = time.monotonic()
        batches = torch.split(torch.from_numpy(pixels), self.batch_size)
        with full_precision():
            codes = torch.cat(
                [codes_of(self.model, to_unit_range(rows, self.device)).cpu() for rows in batches]
            )
        self._seconds += time.monotonic() - began
        self.num_encoded += len(pixels)
        return codes.numpy()

    def seconds_for(self, num_images: int) -> float:
        """Estimates how long it takes to encode images, by those that were encoded so far."""
        return num_images * self._seconds / self.num_encoded


def codes_to_score(environment: Environment, images: ImageSet, *, encode: bool) -> ScoredCodes:
    """Gives the code of every image, by the exported file where that is cheap.

    Training's codes are taken only if they agree with the exported file's and if there is no GPU
    and encoding would take more than a minute. Otherwise every image is encoded, and the codes are
    kept in the place of training's, for further evaluations and the report.

    Args:
        environment: where to read and write.
        images: the data set.
        encode: encode the images in any case.

    Raises:
        MissingFileError: if there is no exported file.
        InputError: if the server could not score the exported file.
    """
    file = ExportedFile(environment.model_path, choose_device(cuda=environment.cuda))
    file.check(images)
    path = environment.codes_path
    source = _source(environment, images)
    found = None if encode or not path.is_file() else _of_training(path, file, images, source)
    if found is None:
        table = _encode_all(file, images, source)
        found = ScoredCodes(table, "exported file", CodeDifference())
        try:
            save_table(table, path)
        except OutputError as error:
            say(f"warning: continuing without keeping the codes: {error}")
    check_codes(found.table.codes, images.space.num_points)
    say(f"codes: {_describe(found)}")
    return found


def _describe(codes: ScoredCodes) -> str:
    if codes.made_by == "exported file":
        return "made by the exported file"
    return (
        "made by the training; on 256 images they differ from the exported file's by "
        f"{codes.difference.quantile_95:.3f} standard deviations of the widest latent (95 % "
        f"quantile), at most by {codes.difference.largest:.3f}; --encode encodes every image with "
        "the exported file"
    )


def _source(environment: Environment, images: ImageSet) -> Source:
    configuration = environment.configuration_path
    config = configuration.read_bytes() if configuration.is_file() else b""
    return Source(
        data_name=images.name,
        data_sha256=images.sha256,
        model_sha256=sha256_of(environment.model_path),
        config_sha256=hashlib.sha256(config).hexdigest(),
    )


def _of_training(
    path: Path, file: ExportedFile, images: ImageSet, source: Source
) -> ScoredCodes | None:
    """Reads the codes that training left; None if the file's own are cheap or these do not fit."""
    try:
        table = load_table(path)
        difference = verify_table(table, file.encode, images.images, source)
    except InputError as error:
        reason = str(error).removesuffix(f"; {WAY_OUT}")
        say(f"note: {path} is not used, so the images are encoded again: {reason}")
        return None
    if difference.largest <= SAME:
        return ScoredCodes(table, "exported file", difference)
    if file.device.type != "cpu" or file.seconds_for(images.space.num_points) <= CHEAP_SECONDS:
        return None
    return ScoredCodes(table, "training", difference)


def _encode_all(file: ExportedFile, images: ImageSet, source: Source) -> CodeTable:
    N = images.space.num_points
    if not file.num_encoded:
        file.encode(np.array(images.images[:64]))
    say(
        "scores are of the exported file's own codes, which take about "
        f"{file.seconds_for(N):.0f} s on {file.device} for {N:,} images"
    )
    chunks = []
    with progress_bar(N, "encoding", " images") as bar:
        for start in range(0, N, CHUNK):
            chunks.append(file.encode(np.array(images.images[start : start + CHUNK])))
            bar.update(len(chunks[-1]))
    return CodeTable(np.concatenate(chunks), images.space, source)
