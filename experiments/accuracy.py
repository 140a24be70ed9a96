"""How well the shipped heads, or an exported model's codes, read labelled images."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from experiments.labelled_sample import LabelledSample, stored_set
from experiments.pictures import draw_confusions, draw_errors
from experiments.readings import Reading, read_factor, text_of
from experiments.run import WEIGHTS
from submission.config.configuration import load_configuration
from submission.config.settings import AdaptSettings
from submission.console import say
from submission.data.catalogue import has_everyday_objects
from submission.errors import InputError
from submission.factors import is_axis
from submission.files import replacing, write_json
from submission.job.codes import ExportedFile
from submission.models.extractor import Extractor
from submission.models.folding import fold
from submission.models.frozen import FrozenExtractor, load_extractor, require_heads
from submission.models.heads import Heads
from submission.scoring.arrays import IntArray
from submission.scoring.score_codes import score_samples
from submission.training.adapt.adapt import adapt
from submission.training.allocator import keep_freed_memory
from submission.training.devices import Devices, opened_devices
from submission.training.features.extract import extract_features

__all__ = ["measure_accuracies", "readings_of", "score_model", "shipped_extractor"]

SCORED = ("dci", "sap", "irs", "mig")
NUM_BINS = 8
"""Bins of an axis when codes are scored: a sample has too few images of each position."""

Pixels = npt.NDArray[np.uint8]


def measure_accuracies(
    sample: LabelledSample, factors: Sequence[str], config: Path | None, output: Path
) -> None:
    """Prints how well the shipped heads read a sample, and writes it as JSON and pictures.

    Args:
        sample: the images.
        factors: names of the factors to look at, such as those whose values are the heads'; none
            for all.
        config: preset whose `Adapt` group adapts the extractor to the sample's unlabelled images,
            each domain apart; None to leave the extractor as it ships.
        output: folder for `accuracy.json` and, for each domain, pictures of confusions and errors.
    """
    keep_freed_memory()
    settings = load_configuration(config).adapt if config else AdaptSettings()
    content: dict[str, Any] = {}
    with opened_devices(cuda=None) as devices:
        frozen = shipped_extractor()
        heads = require_heads(frozen)
        _require_labels_of(heads, sample)
        for factor in factors:
            if factor not in heads.names:
                raise InputError(f"expected one of {', '.join(heads.names)}, got {factor!r}")
        for domain in np.unique(sample.domains).tolist():
            rows = sample.domains == domain
            images = sample.images[rows]
            labels = _labels_for_heads(domain, sample.labels[rows])
            extractor = _adapted_to(frozen, images, settings, devices)
            readings = [
                reading
                for reading in readings_of(extractor, heads, images, labels, devices)
                if not factors or reading.factor in factors
            ]
            content[domain] = [reading.content() for reading in readings]
            if not readings:
                say(f"{domain}: no label of these factors is known")
                continue
            say(text_of(domain, readings))
            pictures = {
                "confusions": draw_confusions(domain, readings),
                "errors": draw_errors(domain, images, readings),
            }
            for name, png in pictures.items():
                with replacing(output / f"{name}-{domain}.png") as beside:
                    beside.write_bytes(png)
    write_json(output / "accuracy.json", content)
    say(f"written: {output / 'accuracy.json'}, confusions-*.png and errors-*.png beside it")


def _require_labels_of(heads: Heads, sample: LabelledSample) -> None:
    if sample.labels.shape[1:] != (len(heads.names),):
        raise InputError(
            f"expected labels (N, {len(heads.names)}) of {', '.join(heads.names)} in "
            f"{sample.name}, got {sample.labels.shape}; -1 stands for an unknown value"
        )


def _labels_for_heads(domain: str, labels: IntArray) -> IntArray:
    """Forgets the labels of factors whose values the heads did not learn."""
    if has_everyday_objects(domain):
        say(f"{domain}: colours and shapes are others than those that the heads know; not measured")
        labels = labels.copy()
        labels[:, :2] = -1
    return labels


def shipped_extractor() -> FrozenExtractor:
    """Loads the weights that ship, with their heads."""
    return load_extractor("finetuned", str(WEIGHTS), Path())


def _adapted_to(
    frozen: FrozenExtractor, images: Pixels, settings: AdaptSettings, devices: Devices
) -> Extractor:
    """Adapts the extractor to images of one domain, without labels."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        image_set = stored_set("unlabelled", images, folder)
        return adapt(
            frozen, image_set, settings, devices, folder / "tune.ckpt", None, lambda share: None
        )


@torch.inference_mode()
def readings_of(
    extractor: Extractor, heads: Heads, images: Pixels, labels: IntArray, devices: Devices
) -> list[Reading]:
    """Compares the heads' answers about images with their labels.

    Args:
        extractor: as it ships, or adapted.
        heads: of the F factors.
        images: (N, 64, 64, 3).
        labels: (N, F) values, -1 for unknown.
        devices: where to compute.

    Returns:
        A reading for each factor of which labels are known.
    """
    features = extract_features(fold(extractor, devices.precision.dtype), images, devices)
    answers = [logits.argmax(dim=1).numpy() for logits in heads(features)]
    every = [
        read_factor(name, size, answers[factor], labels[:, factor])
        for factor, (name, size) in enumerate(zip(heads.names, heads.sizes, strict=True))
    ]
    return [reading for reading in every if reading is not None]


def score_model(sample: LabelledSample, model: Path) -> dict[str, float]:
    """Scores an exported model's codes on the images of a sample whose labels are all known.

    DCI, SAP, IRS and MIG are computed; FactorVAE needs more images of each value. Positions of an
    axis are put into 8 bins.

    Args:
        sample: the images.
        model: the exported TorchScript file.

    Returns:
        The scores, in [0, 1], by metric.
    """
    known = (sample.labels >= 0).all(axis=1)
    heads = require_heads(shipped_extractor())
    _require_labels_of(heads, sample)
    factors: IntArray = sample.labels[known].copy()
    for factor, title in enumerate(heads.names):
        if is_axis(title):
            size = int(sample.labels[:, factor].max()) + 1
            factors[:, factor] = factors[:, factor] * NUM_BINS // max(size, NUM_BINS)
    codes = ExportedFile(model, torch.device("cpu")).encode(sample.images[known])
    return score_samples(codes, factors, heads.names, metrics=SCORED).values()
