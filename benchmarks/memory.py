"""Memory of training on a whole data set. `python -m benchmarks.memory standin_real`.

A small trunk replaces VGG19, which would take hours on a processor and whose memory does not depend
on the number of images. It averages 8x8 pixels and multiplies by a random matrix. Everything else
is what the main job does. Linux only: private memory is the `Anonymous` line of
/proc/self/smaps_rollup; file-backed memory is the rest of the resident memory.
"""

import argparse
import threading
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from submission.config.settings import FitSettings
from submission.console import progress_bar, say
from submission.data.images import open_images
from submission.models.extractor import FEATURE_SIZE, normalise_rows
from submission.server.environment import read_environment
from submission.training.allocator import keep_freed_memory
from submission.training.devices import one_device
from submission.training.features.extract import extract_features
from submission.training.precision import choose_device, choose_precision
from submission.training.vae.fit import encode_features
from submission.training.vae.task import VAETask

MIB = 1 << 20


class SmallTrunk(nn.Module):
    """Averages pixels and multiplies by a random matrix: an extractor that costs almost nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(8 * 8 * 3, FEATURE_SIZE)

    def forward(self, images: Tensor) -> Tensor:
        """Maps (B, 3, 64, 64) to (B, 512) of unit length."""
        return normalise_rows(self.mix(nn.functional.avg_pool2d(images, 8).flatten(1)).relu())


class Watch(threading.Thread):
    """Reads the process's memory five times a second and keeps the peaks, in bytes."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.private = self.file_backed = 0

    def run(self) -> None:
        """Reads until the process ends."""
        while True:
            lines = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
            sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
            self.private = max(self.private, sizes["Anonymous"])
            self.file_backed = max(self.file_backed, sizes["Rss"] - sizes["Anonymous"])
            time.sleep(0.2)


def main() -> None:
    """Extracts, fits one epoch, encodes, and prints the peaks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--feature-type", choices=("float32", "float16"), default="float32")
    arguments = parser.parse_args()
    keep_freed_memory()
    watch = Watch()
    watch.start()
    torch.manual_seed(0)
    device = choose_device(cuda=None)
    images = open_images(arguments.name, read_environment().data_path)
    feature_type = getattr(torch, arguments.feature_type)
    start = time.monotonic()
    features = extract_features(SmallTrunk(), images.images, one_device(device), 256, feature_type)
    task = VAETask(features, FitSettings(num_epochs=1), device, choose_precision(device))
    with progress_bar(task.num_steps, task.name, " steps") as bar:
        for _ in range(task.num_steps):
            task.take_step()
            bar.update()
    codes = encode_features(task.network.eval(), features)
    say(
        f"{len(codes):,} images of {images.images.nbytes / 1e9:.1f} GB, {arguments.feature_type} "
        f"features, {time.monotonic() - start:.0f} s: private memory at most "
        f"{watch.private / MIB:,.0f} MiB, file-backed at most {watch.file_backed / MIB:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
