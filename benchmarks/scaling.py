"""How cost grows: `python -m benchmarks.scaling processes|images`.

`processes` compares two processes with one, each on one thread, at the paper's batch size and at a
smaller one. The second process waits while the first works alone. Processor time shows what to
expect when other programs share the cores. `images` times every stage at three numbers of images
and fits the exponent.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.distributed as dist

from benchmarks.finetune import SPACE, make_task
from benchmarks.random_batches import random_images, random_labels
from benchmarks.vae import factored_features
from submission.config.settings import FitSettings
from submission.models.extractor import FeatureExtractor
from submission.models.folding import fold
from submission.training.allocator import keep_freed_memory
from submission.training.devices import Devices, one_device, opened_devices
from submission.training.features.extract import extract_features
from submission.training.vae.task import VAETask

CPU = torch.device("cpu")


def finetuning(devices: Devices, batch_size: int, num_steps: int = 1) -> Callable[[], object]:
    """Makes steps of finetuning VGG19-BN on a whole batch, shared by the processes."""
    torch.manual_seed(0)
    task = make_task(devices, batch_size)
    own = slice(devices.number, None, devices.num_processes)
    pixels = torch.from_numpy(random_images(batch_size))[own]
    factors = random_labels(batch_size, SPACE.sizes)[own]

    def work() -> None:
        for _ in range(num_steps):
            devices.reduce(task.train_on(pixels, factors), "mean")

    return work


def extraction(devices: Devices, num_images: int, batch_size: int = 64) -> Callable[[], object]:
    """Makes the extraction of features by VGG19-BN."""
    folded = fold(FeatureExtractor().eval(), devices.precision.dtype)
    images = random_images(num_images)
    return lambda: extract_features(folded, images, devices, batch_size)


def fitting(num_features: int) -> Callable[[], object]:
    """Makes an epoch of the beta-VAE, without the making of its network."""
    features, devices = factored_features(num_features), one_device(CPU)
    task = VAETask(features, FitSettings(), CPU, devices.precision)

    def work() -> None:
        for _ in range(task.steps_per_epoch):
            task.take_step()

    return work


def compare_processes(num_runs: int) -> None:
    """Is one of two processes: times the work alone and shared, in turn."""
    with opened_devices(cuda=False, backend="gloo") as devices:
        alone = one_device(CPU)
        for title, make, amount in (
            ("features", extraction, 512),
            ("finetuning, batch 64", finetuning, 64),
            ("finetuning, batch 512", finetuning, 512),
        ):
            shared = make(devices, amount)
            single = make(alone, amount) if devices.is_first else lambda: None
            pairs = [
                (_timed(single, devices), _timed(shared, devices)) for _ in range(num_runs + 1)
            ]
            if not devices.is_first:
                continue
            print(f"{title}, VGG19-BN, {devices.precision.dtype}, one thread a process")
            for place, kind in enumerate(("wall clock", "processor time of the busier process")):
                one, two = (
                    statistics.median(seconds[place] for seconds in way)
                    for way in zip(*pairs[1:], strict=True)
                )
                print(
                    f"  {kind}: two {amount / two:.1f}, one {amount / one:.1f} images/s, "
                    f"ratio {one / two:.2f}  (medians of {num_runs})",
                    flush=True,
                )


def _timed(call: Callable[[], object], devices: Devices) -> tuple[float, float]:
    devices.fabric.barrier()
    begin, own_begin = time.perf_counter(), time.process_time()
    call()
    own = torch.tensor(time.process_time() - own_begin)
    devices.fabric.barrier()
    dist.all_reduce(own, dist.ReduceOp.MAX)
    return time.perf_counter() - begin, own.item()


def fit_exponents(num_runs: int) -> None:
    """Times each stage at three numbers of images; prints the slope in double logarithms."""
    devices = one_device(CPU)
    stages: dict[str, tuple[Callable[[int], Callable[[], object]], tuple[int, ...]]] = {
        "features": (lambda n: extraction(devices, n), (256, 512, 1024)),
        "finetuning, an epoch in batches of 32": (
            lambda n: finetuning(devices, 32, n // 32),
            (64, 128, 256),
        ),
        "beta-VAE, an epoch": (fitting, (6400, 12800, 25600)),
    }
    for title, (make, sizes) in stages.items():
        works = [make(size) for size in sizes]
        works[0]()
        times = [[_seconds(work) for work in works] for _ in range(num_runs)]
        seconds = [min(column) for column in zip(*times, strict=True)]
        exponent = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
        print(f"{title}, {torch.get_num_threads()} threads, fastest of {num_runs}")
        for size, value in zip(sizes, seconds, strict=True):
            print(f"  {size:>7,} images: {value:8.2f} s, {1e3 * value / size:.2f} ms an image")
        print(f"  exponent: {exponent:.3f}", flush=True)


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def main() -> None:
    """Runs one of the two comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("processes", "images"))
    parser.add_argument("--runs", type=int, default=2)
    arguments = parser.parse_args()
    keep_freed_memory()
    if arguments.what == "images":
        fit_exponents(arguments.runs)
    elif "TORCHELASTIC_RUN_ID" in os.environ:
        compare_processes(arguments.runs)
    else:
        launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
        words = ["-m", "benchmarks.scaling", "processes", "--runs", str(arguments.runs)]
        variables = {**os.environ, "OMP_NUM_THREADS": "1"}
        sys.exit(subprocess.run([*launch, *words], env=variables, check=False).returncode)


if __name__ == "__main__":
    main()
