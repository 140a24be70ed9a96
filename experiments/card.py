"""How often the shipped heads are right, by factor and domain; written into the weights' card."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.accuracy import adapted_to, readings_of, shipped_extractor
from experiments.finetuning import REAL
from experiments.readings import Reading
from experiments.run import WEIGHTS
from submission.config.configuration import load_configuration
from submission.console import say
from submission.data.standin.render import render_images
from submission.data.standin.scene import standin_space
from submission.factors import FactorSpace
from submission.files import write_json
from submission.models.frozen import require_heads
from submission.models.weights import card_path, read_card
from submission.scoring.arrays import IntArray
from submission.training.allocator import keep_freed_memory
from submission.training.devices import Devices, opened_devices

__all__ = ["measure_card"]

SIMULATIONS = ("standin_toy", "standin_realistic")


def measure_card(num_images: int) -> None:
    """Measures on random images of the full grids and writes the result into the card.

    Simulation images are of the part that finetuning held out. No file is needed: images are
    rendered one by one. The real domain is measured three times: as the extractor ships, with
    batch norms estimated anew, and adapted as best.gin adapts it.

    Args:
        num_images: of each domain.
    """
    keep_freed_memory()
    with opened_devices(cuda=None) as devices:
        accuracy = _measure(num_images, devices)
    card = read_card(WEIGHTS)
    write_json(card_path(WEIGHTS), {**card, "accuracy": accuracy, "accuracy_images": num_images})
    for title, values in accuracy.items():
        say(f"{title}: " + "  ".join(f"{name} {value:.3f}" for name, value in values.items()))


def _measure(num_images: int, devices: Devices) -> dict[str, dict[str, float]]:
    frozen, settings = shipped_extractor(), read_card(WEIGHTS)["settings"]
    heads = require_heads(frozen)
    space = standin_space((6, 6, 2, 3, 3, 40, 40))
    random = np.random.default_rng(0)
    held_out = _held_out(space, settings["validation_fraction"], settings["seed"])
    points = {
        name: random.choice(rows, num_images, replace=False)
        for name, rows in zip(SIMULATIONS, np.split(held_out, len(SIMULATIONS)), strict=True)
    }
    points[REAL] = random.choice(space.num_points, num_images, replace=False)
    best = load_configuration(Path("configs/best.gin")).adapt
    others = random.choice(space.num_points, best.num_tuning_images, replace=False)
    accuracy = {}
    for name, rows in points.items():
        say(f"{name}: rendering {num_images:,} images")
        labels = space.index_to_factors(rows)
        pixels = render_images(name, space, labels)
        title = name if name == REAL else f"{name}, held out"
        accuracy[title] = _values(readings_of(frozen.extractor, heads, pixels, labels, devices))
    say(f"{REAL}: rendering {len(others):,} other images to adapt to")
    unlabelled = render_images(REAL, space, space.index_to_factors(others))
    for title, adaptation in {
        "batch norms adapted": replace(best, num_tuning_images=0),
        "tuned and batch norms adapted": best,
    }.items():
        adapted = adapted_to(frozen, unlabelled, adaptation, devices)
        readings = readings_of(adapted, heads, pixels, labels, devices)
        accuracy[f"{REAL}, {title}"] = _values(readings)
    return accuracy


def _values(readings: list[Reading]) -> dict[str, float]:
    """Returns each factor's accuracy, and for the axes the mean error in positions, too."""
    values = {}
    for reading in readings:
        values[reading.factor] = reading.accuracy
        if reading.mean_error is not None:
            values[f"{reading.factor}_mean_error"] = reading.mean_error
    return values


def _held_out(space: FactorSpace, fraction: float, seed: int) -> IntArray:
    """Returns the grid points that finetuning held out of each simulation set, one after another.

    Finetunings before the seeds were derived by purpose split by their seed itself; so did that of
    the weights that ship.
    """
    random = np.random.default_rng(seed)
    num_held_out = round(fraction * space.num_points)
    return np.concatenate(
        [np.sort(random.permutation(space.num_points)[:num_held_out]) for _ in SIMULATIONS]
    )
