"""How often the shipped heads are right, by factor and domain; written into the weights' card."""

from collections.abc import Iterator

import numpy as np

from experiments.accuracy import readings_of, shipped_extractor
from experiments.finetuning import REAL
from experiments.readings import Reading
from experiments.run import WEIGHTS
from experiments.teach import taught_sets
from experiments.validation import NAME as VALIDATION
from submission.console import say
from submission.data.image_set import ImageSet
from submission.data.standin.render import render_images
from submission.data.standin.scene import standin_space
from submission.files import write_json
from submission.models.frozen import require_heads
from submission.models.weights import card_path, read_card
from submission.scoring.arrays import IntArray
from submission.training.allocator import keep_freed_memory
from submission.training.batches import LabelledImages, split_indices
from submission.training.devices import Devices, opened_devices
from submission.training.seeds import seed_for

__all__ = ["measure_card"]

NUM_KINDS = 3
"""Toy, realistic and the first set of varied looks; the second is of the same kind."""


def measure_card(num_images: int) -> None:
    """Measures on random images of the full grids and writes the result into the card.

    Images of the sets that were trained on are of the part that finetuning held out. No file is
    needed: images are rendered one by one.

    Args:
        num_images: of each domain.
    """
    keep_freed_memory()
    with opened_devices(cuda=None) as devices:
        accuracy = _measure(num_images, devices)
    card = read_card(WEIGHTS)
    write_json(card_path(WEIGHTS), {**card, "accuracy": accuracy, "accuracy_images": num_images})
    for title, values in accuracy.items():
        say(f"{title}: " + "  ".join(f"{name} {value:z.3f}" for name, value in values.items()))


def _measure(num_images: int, devices: Devices) -> dict[str, dict[str, float]]:
    frozen, settings = shipped_extractor(), read_card(WEIGHTS)["settings"]
    heads = require_heads(frozen)
    accuracy = {}
    for images, rows in _held_out(num_images, settings["validation_fraction"], settings["seed"]):
        say(f"{images.name}: rendering {num_images:,} images")
        pixels, labels = images.images[rows], images.space.index_to_factors(rows)
        readings = readings_of(frozen.extractor, heads, pixels, labels, devices)
        accuracy[f"{images.name}, held out"] = _values(readings)
    space, random = standin_space(), np.random.default_rng(0)
    for name in (VALIDATION, REAL):
        say(f"{name}: rendering {num_images:,} images")
        chosen = random.choice(space.num_points, num_images, replace=False)
        labels = space.index_to_factors(chosen)
        pixels = render_images(name, space, labels)
        accuracy[name] = _values(readings_of(frozen.extractor, heads, pixels, labels, devices))
    return accuracy


def _values(readings: list[Reading]) -> dict[str, float]:
    """Returns each factor's accuracy, and for the axes the mean error in positions, too."""
    values = {}
    for reading in readings:
        values[reading.factor] = reading.accuracy
        if reading.mean_error is not None:
            values[f"{reading.factor}_mean_error"] = reading.mean_error
    return values


def _held_out(num_images: int, fraction: float, seed: int) -> Iterator[tuple[ImageSet, IntArray]]:
    """Yields the kinds of sets of the finetuning, with images that were not trained on."""
    sets = taught_sets()
    random, space = np.random.default_rng(0), sets[0].space
    _, held_out = split_indices(LabelledImages(sets), fraction, seed_for(seed, "finetune: split"))
    parts = np.split(held_out % space.num_points, len(sets))
    for images, rows in list(zip(sets, parts, strict=True))[:NUM_KINDS]:
        yield images, random.choice(rows, num_images, replace=False)
