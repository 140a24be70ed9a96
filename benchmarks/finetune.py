"""A step of finetuning: ours against plain float32. `python -m benchmarks.finetune`."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.options import prepared
from benchmarks.pairs import compare
from benchmarks.random_batches import random_images, random_labels
from submission.config.settings import FinetuneSettings
from submission.data.image_set import ImageSet
from submission.data.standin.scene import standin_space
from submission.models.extractor import FeatureExtractor
from submission.models.heads import Heads
from submission.training.batches import LabelledImages
from submission.training.devices import Devices, one_device
from submission.training.finetune.task import FinetuneTask
from submission.training.losses import summed_cross_entropy
from submission.training.precision import choose_device

SPACE = standin_space((6, 6, 2, 3, 3, 40, 40))


def make_task(devices: Devices, batch_size: int) -> FinetuneTask:
    """Makes the paper's finetuning of VGG19-BN on black images of the full grid."""
    black = np.broadcast_to(np.zeros((64, 64, 3), np.uint8), (SPACE.num_points, 64, 64, 3))
    images = LabelledImages([ImageSet("black", Path(), black, SPACE)])
    settings = FinetuneSettings(batch_size=batch_size)
    heads = Heads(SPACE.names, SPACE.sizes)
    folder = Path(tempfile.gettempdir())
    return FinetuneTask(FeatureExtractor(), heads, images, settings, devices, folder)


def main() -> None:
    """Times both ways on random images of the full MPI3D factor sizes."""
    arguments = prepared(__doc__, batch_size=64, runs=5)
    devices = one_device(choose_device(cuda=None))
    device, precision = devices.device, devices.precision
    pixels = torch.from_numpy(random_images(arguments.batch_size))
    factors = random_labels(arguments.batch_size, SPACE.sizes)
    task = make_task(devices, arguments.batch_size)
    plain = nn.ModuleList([FeatureExtractor(), Heads(SPACE.names, SPACE.sizes)]).to(device).train()
    optimizer = torch.optim.RAdam(
        plain.parameters(), lr=1e-3, weight_decay=0.01, decoupled_weight_decay=True, foreach=False
    )

    def ours() -> None:
        task.train_on(pixels, factors)

    def rival() -> None:
        images = pixels.permute(0, 3, 1, 2).contiguous().to(device).float().div(255)
        loss = summed_cross_entropy(
            plain[1](plain[0](images)), factors.to(device), [0.0] * len(SPACE.sizes)
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    compare(
        f"finetuning VGG19-BN, batch {arguments.batch_size}, {device}, "
        f"{torch.get_num_threads()} threads",
        (f"ours: channels last, {precision.dtype}", ours),
        ("rival: plain float32", rival),
        arguments.batch_size,
        "images",
        arguments.runs,
    )


if __name__ == "__main__":
    main()
