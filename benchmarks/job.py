"""The main job beside the common way, stage by stage: `python -m benchmarks.job`.

The images are random, in a file like that of `standin_real`. The common way: the extractor as it
was trained, in float32 (on a GPU, PyTorch convolves in TensorFloat-32); a loader whose worker
processes read single images; and the beta-VAE of `benchmarks.vae`.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.vae import train_by_items
from submission.config.configuration import PROJECT, load_configuration
from submission.data.catalogue import RENDERER_VERSION
from submission.data.images import open_images
from submission.data.standin.scene import standin_space
from submission.job.train import train_representation
from submission.models.extractor import FEATURE_SIZE
from submission.models.weights import load_weights
from submission.server.environment import Environment
from submission.training.precision import choose_device

NAME = "standin_real"
BATCH_SIZE = 256
COMMON = ("features", "fit")
"""Stages that the common way has, too."""


class SingleImages(Dataset[Tensor]):
    """Images as most code reads them: one by one, as float32."""

    def __init__(self, folder: Path) -> None:
        self.images = open_images(NAME, folder).images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        """Returns a (3, 64, 64) image in [0, 1]."""
        return torch.from_numpy(np.array(self.images[index])).permute(2, 0, 1).float() / 255


def write_images(folder: Path, grid: tuple[int, ...]) -> None:
    """Writes a file of random images on a grid of factors."""
    random = np.random.default_rng(0)
    few = random.integers(0, 256, (1024, 64, 64, 3), dtype=np.uint8)
    images = few[random.integers(len(few), size=standin_space(grid).num_points)]
    path = folder / NAME / f"{NAME}.npz"
    path.parent.mkdir(parents=True)
    sizes, version = np.array(grid), RENDERER_VERSION
    np.savez(path, images=images, factor_sizes=sizes, renderer_version=version)


def our_seconds(folder: Path, weights: Path, num_epochs: int) -> dict[str, float]:
    """Runs the main job of `paper.gin`; returns the seconds of each stage."""
    environment = Environment(folder / "out", "job", NAME, folder, is_grading=False, cuda=None)
    overrides = [f"Fit.num_epochs = {num_epochs}", f"Extract.weights = '{weights}'"]
    train_representation(environment, load_configuration(Path("configs/paper.gin"), overrides))
    notes = json.loads((environment.training_path / "training.json").read_text(encoding="utf-8"))
    seconds: dict[str, float] = notes["seconds"]
    return seconds


def rival_seconds(folder: Path, weights: Path, num_epochs: int) -> dict[str, float]:
    """Does the same the common way; returns the seconds of each stage."""
    device = choose_device(cuda=None)
    begin = time.monotonic()
    features = rival_features(folder, weights, device)
    middle = time.monotonic()
    train_by_items(features, num_epochs, device)
    return {"features": middle - begin, "fit": time.monotonic() - middle}


@torch.inference_mode()
def rival_features(folder: Path, weights: Path, device: torch.device) -> Tensor:
    """Extracts (N, 512) features in float32 from batches that a loader makes."""
    extractor = load_weights(weights)[0].eval().to(device)
    loader = DataLoader(
        SingleImages(folder),
        batch_size=BATCH_SIZE,
        num_workers=min(8, os.cpu_count() or 1),
        pin_memory=device.type == "cuda",
    )
    features = torch.empty(len(loader.dataset), FEATURE_SIZE)  # type: ignore[arg-type]
    for number, images in enumerate(loader):
        computed = extractor(images.to(device, non_blocking=True))
        features[number * BATCH_SIZE :][: len(images)] = computed.cpu()
    return features


def compare_jobs(grid: tuple[int, ...], num_epochs: int, weights: Path, folder: Path) -> float:
    """Runs the job both ways in turn and prints each stage.

    Args:
        grid: factor sizes of the images; at least 256 images.
        num_epochs: of the beta-VAE.
        weights: of the extractor.
        folder: an empty one.

    Returns:
        The rival's seconds divided by ours, of the stages that both have.
    """
    write_images(folder, grid)
    ours = our_seconds(folder, weights, num_epochs)
    rival = rival_seconds(folder, weights, num_epochs)
    print(
        f"the main job on {standin_space(grid).num_points:,} images, {num_epochs} epochs, "
        f"{choose_device(cuda=None)}, {torch.get_num_threads()} threads; seconds"
    )
    print(f"  {'stage':<16}{'ours':>8}{'rival':>8}{'ratio':>8}")
    for stage, seconds in ours.items():
        other = f"{rival[stage]:8.1f}{rival[stage] / seconds:8.2f}" if stage in rival else ""
        print(f"  {stage:<16}{seconds:8.1f}{other}")
    own, theirs = (sum(each[stage] for stage in COMMON) for each in (ours, rival))
    print(f"  {'+'.join(COMMON):<16}{own:8.1f}{theirs:8.1f}{theirs / own:8.2f}")
    return theirs / own


def main() -> None:
    """Compares one run of each on a part of the grid of MPI3D."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", default="6,6,2,3,3,16,16", help="Sizes of the seven factors.")
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    grid = tuple(map(int, arguments.grid.split(",")))
    with tempfile.TemporaryDirectory() as folder:
        weights = PROJECT / "weights/extractor.safetensors"
        compare_jobs(grid, arguments.epochs, weights, Path(folder))


if __name__ == "__main__":
    main()
