"""How often the shipped heads are right, by factor and domain; written into the weights' card."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import torch
from submission.job.adapt import ADAPTATION_BATCH

from experiments.finetuning import REAL
from experiments.run import WEIGHTS
from submission.config.configuration import load_configuration
from submission.console import progress_bar, say
from submission.data.image_set import ImageSet
from submission.data.standin.render import render_images
from submission.data.standin.scene import standin_space
from submission.factors import FactorSpace, is_axis
from submission.files import write_json
from submission.models.extractor import Extractor
from submission.models.folding import fold
from submission.models.heads import Heads
from submission.models.weights import card_path, load_weights, read_card
from submission.training.adapt.norms import reestimate_norms
from submission.training.adapt.tuning import Tuning
from submission.training.allocator import keep_freed_memory
from submission.training.batches import LabelledImages, split_indices
from submission.training.devices import Devices, opened_devices
from submission.training.features.extract import extract_features

__all__ = ["measure_accuracies"]

SIMULATIONS = ("standin_toy", "standin_realistic")
IntArray = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]


def measure_accuracies(num_images: int = 3000) -> None:
    """Measures on random images of the full grids and writes the result into the card.

    Simulation images are of the part that finetuning held out. No file is needed: images are
    rendered one by one.

    Args:
        num_images: of each domain.
    """
    keep_freed_memory()
    with opened_devices(cuda=None) as devices:
        _measure(num_images, devices)


def _measure(num_images: int, devices: Devices) -> None:
    (extractor, heads, _), card = load_weights(WEIGHTS), read_card(WEIGHTS)
    assert heads is not None
    space = standin_space((6, 6, 2, 3, 3, 40, 40))
    random = np.random.default_rng(0)
    settings = card["settings"]
    held_out = _held_out(space, settings["validation_fraction"], settings["seed"])
    points = {
        name: random.choice(rows, num_images, replace=False)
        for name, rows in zip(SIMULATIONS, np.split(held_out, len(SIMULATIONS)), strict=True)
    }
    points[REAL] = random.choice(space.num_points, num_images, replace=False)
    settings_of_best = load_configuration(Path("configs/best.gin")).adapt
    num_norm_images = settings_of_best.num_norm_images
    others = random.choice(space.num_points, settings_of_best.num_tuning_images, replace=False)

    accuracies = {}
    for name, rows in points.items():
        say(f"{name}: rendering {num_images:,} images")
        factors = space.index_to_factors(rows)
        pixels = render_images(name, space, factors)
        title = name if name == REAL else f"{name}, held out"
        accuracies[title] = _accuracies(extractor, heads, pixels, factors, devices)
    say(f"{REAL}: rendering {len(others):,} other images to adapt to")
    unlabelled = render_images(REAL, space, space.index_to_factors(others))
    device, dtype = devices.device, devices.precision.dtype

    def adapt_norms() -> dict[str, float]:
        reestimate_norms(extractor, unlabelled, num_norm_images, ADAPTATION_BATCH, 0, device, dtype)
        return _accuracies(extractor, heads, pixels, factors, devices)

    accuracies[f"{REAL}, batch norms adapted"] = adapt_norms()
    with TemporaryDirectory() as folder, progress_bar(len(others), "tuning", " images") as bar:
        tuning = Tuning(extractor, heads, unlabelled, settings_of_best, device, dtype)
        tuning.run(Path(folder) / "tune.ckpt", "accuracy", bar.update)
    accuracies[f"{REAL}, tuned and batch norms adapted"] = adapt_norms()
    card["accuracy"] = accuracies
    card["accuracy_images"] = num_images
    write_json(card_path(WEIGHTS), card)
    for title, values in accuracies.items():
        say(f"{title}: " + "  ".join(f"{name} {value:.3f}" for name, value in values.items()))


def _held_out(space: FactorSpace, fraction: float, seed: int) -> IntArray:
    """Gives the grid points that finetuning held out of each simulation set, one after another."""
    nothing = np.broadcast_to(np.zeros(1, dtype=np.uint8), (space.num_points, 64, 64, 3))
    sets = [ImageSet(name, Path(), nothing, space) for name in SIMULATIONS]
    return split_indices(LabelledImages(sets), fraction, seed)[1] % space.num_points


@torch.inference_mode()
def _accuracies(
    extractor: Extractor, heads: Heads, pixels: Pixels, factors: IntArray, devices: Devices
) -> dict[str, float]:
    """Gives each factor's accuracy, and of the axes the mean error in positions, too."""
    folded = fold(extractor, devices.precision.dtype)
    features = extract_features(folded, pixels, devices)
    expected, values = heads.expected_values(features), {}
    for number, (name, logits) in enumerate(zip(heads.names, heads(features), strict=True)):
        truth = torch.from_numpy(factors[:, number])
        right = logits.argmax(dim=1) == truth
        values[name] = float(right.double().mean())
        if is_axis(name):
            error = (expected[:, number] - truth).abs()
            values[f"{name}_mean_error"] = float(error.double().mean())
    return values
