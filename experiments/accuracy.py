"""How often the shipped heads are right, by factor and domain; written into the weights' card."""

import copy
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from submission.configuration import PROJECT
from submission.console import progress_bar, say
from submission.data.image_set import ImageSet
from submission.data.standin.render import render_images
from submission.data.standin.scene import standin_space
from submission.factors import FactorSpace
from submission.files import write_json
from submission.models.extractor import Extractor, Heads
from submission.models.folding import fold
from submission.models.weights import card_path, load_extractor, load_heads, read_card
from submission.training.adaptation import reestimate_norms
from submission.training.allocator import keep_freed_memory
from submission.training.batches import LabelledImages, split_indices, to_unit_range
from submission.training.precision import choose_device, choose_precision

__all__ = ["measure_accuracies"]

WEIGHTS = PROJECT / "weights/extractor.safetensors"
SIMULATIONS = ("standin_toy", "standin_realistic")
REAL = "standin_real"
NUM_ADAPTATION_IMAGES = 4096
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
    extractor, heads, card = load_extractor(WEIGHTS), load_heads(WEIGHTS), read_card(WEIGHTS)
    space = standin_space((6, 6, 2, 3, 3, 40, 40))
    random = np.random.default_rng(0)
    settings = card["settings"]
    held_out = _held_out(space, settings["validation_fraction"], settings["seed"])
    points = {
        name: random.choice(rows, num_images, replace=False)
        for name, rows in zip(SIMULATIONS, np.split(held_out, len(SIMULATIONS)), strict=True)
    }
    points[REAL] = random.choice(space.num_points, num_images, replace=False)
    others = random.choice(space.num_points, NUM_ADAPTATION_IMAGES, replace=False)

    accuracies = {}
    for name, rows in points.items():
        say(f"{name}: rendering {num_images:,} images")
        factors = space.index_to_factors(rows)
        pixels = render_images(name, space, factors)
        title = name if name == REAL else f"{name}, held out"
        accuracies[title] = _accuracies(extractor, heads, pixels, factors)
    say(f"{REAL}: adapting to {NUM_ADAPTATION_IMAGES:,} other images")
    unlabelled = render_images(REAL, space, space.index_to_factors(others))
    device = choose_device(cuda=None)
    adapted = reestimate_norms(
        copy.deepcopy(extractor),
        unlabelled,
        NUM_ADAPTATION_IMAGES,
        256,
        seed=0,
        device=device,
        dtype=choose_precision(device).dtype,
    )
    accuracies[f"{REAL}, batch norms adapted"] = _accuracies(adapted, heads, pixels, factors)
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
    extractor: Extractor, heads: Heads, pixels: Pixels, factors: IntArray
) -> dict[str, float]:
    """Gives each factor's accuracy, and of the axes the mean error in positions, too."""
    device = choose_device(cuda=None)
    folded = fold(extractor, choose_precision(device).dtype)
    folded = folded.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    parts = []
    with progress_bar(len(pixels), "features", " images") as bar:
        for start in range(0, len(pixels), 256):
            part = torch.from_numpy(pixels[start : start + 256])
            parts.append(folded(to_unit_range(part, device)).cpu())
            bar.update(len(part))
    features, values = torch.cat(parts), {}
    for number, (name, weight, bias) in enumerate(
        zip(heads.names, heads.weights, heads.biases, strict=True)
    ):
        logits = torch.nn.functional.linear(heads.scale * features, weight, bias)
        truth = torch.from_numpy(factors[:, number])
        values[name] = float((logits.argmax(dim=1) == truth).double().mean())
        if name.endswith("_axis"):
            expected = logits.softmax(dim=1) @ torch.arange(float(len(weight)))
            values[f"{name}_mean_error"] = float((expected - truth).abs().double().mean())
    return values
