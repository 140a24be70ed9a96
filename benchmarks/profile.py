"""Where a stage spends its time: `python -m benchmarks.profile features|finetune|vae`."""

import argparse
import math
import time
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.finetune import SPACE, make_task
from benchmarks.random_batches import random_images, random_labels
from benchmarks.vae import factored_features
from submission.config.settings import FitSettings
from submission.models.extractor import FeatureExtractor
from submission.models.folding import fold
from submission.training.allocator import keep_freed_memory
from submission.training.batches import to_unit_range
from submission.training.devices import Devices, one_device
from submission.training.precision import choose_device
from submission.training.vae.task import VAETask

PRODUCTS = "convolutions and matrix products"
CLASSES = {
    PRODUCTS: ("conv", "aten::mm", "aten::addmm", "aten::bmm"),
    "batch norm": ("batch_norm",),
    "activations and pooling": ("relu", "threshold_backward", "max_pool2d", "sigmoid"),
    "optimiser": ("_fused_adam", "_foreach"),
    "number formats and copies": ("copy_",),
    "augmentation": ("grid_sampler", "normal_", "affine_grid", "lerp", "replication_pad"),
}
"""Parts of operators' names by class; the first class that fits counts."""


Stage = tuple[str, Callable[[], object]]
"""A title, and a function that does one piece of the stage."""


def features_stage(devices: Devices, batch_size: int) -> Stage:
    """Makes a batch of feature extraction with the paper's network."""
    batch_size = batch_size or 256
    folded = fold(FeatureExtractor().eval(), devices.precision.dtype).to(
        devices.device, memory_format=torch.channels_last
    )  # type: ignore[call-overload]
    pixels = torch.from_numpy(random_images(batch_size))

    @torch.inference_mode()
    def call() -> None:
        folded(to_unit_range(pixels, devices.device)).cpu()

    return f"features of {batch_size} images", call


def finetune_stage(devices: Devices, batch_size: int) -> Stage:
    """Makes a step of finetuning with the paper's network."""
    batch_size = batch_size or 64
    task = make_task(devices, batch_size)
    pixels = torch.from_numpy(random_images(batch_size))
    factors = random_labels(batch_size, SPACE.sizes)

    def call() -> None:
        task.train_on(pixels, factors)

    return f"a finetuning step of {batch_size} images", call


def vae_stage(devices: Devices, batch_size: int) -> Stage:
    """Makes a step of the beta-VAE with the paper's network."""
    settings = FitSettings(batch_size=batch_size or 256)
    features = factored_features(100 * settings.batch_size)
    task = VAETask(features, settings, devices.device, devices.precision)
    return f"a step of the beta-VAE, {settings.batch_size} features", task.take_step


def fastest(call: Callable[[], object], device: torch.device, num_runs: int) -> float:
    """Returns the least seconds of a call, after two to warm up."""
    seconds = math.inf
    for number in range(num_runs + 2):
        begin = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = min(seconds, math.inf if number < 2 else time.perf_counter() - begin)
    return seconds


def operator_times(
    call: Callable[[], object], device: torch.device, num_runs: int
) -> dict[str, float]:
    """Returns the time by operator, without that of the operators it calls."""
    on_gpu = device.type == "cuda"
    with profile(activities=list(ProfilerActivity) if on_gpu else [ProfilerActivity.CPU]) as record:
        for _ in range(num_runs):
            call()
    return {
        event.key: event.self_device_time_total if on_gpu else event.self_cpu_time_total
        for event in record.key_averages()
        if event.device_type.name == "CPU"  # operators; a GPU's kernels are counted in them
    }


def share_by_class(times: dict[str, float]) -> dict[str, float]:
    """Adds up times by class of operator, as shares of all, the largest first."""
    shares = dict.fromkeys([*CLASSES, "everything else"], 0.0)
    for name, amount in times.items():
        fits = (kind for kind, parts in CLASSES.items() if any(part in name for part in parts))
        shares[next(fits, "everything else")] += amount / sum(times.values())
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def main() -> None:
    """Profiles a stage and sets it against the rate of one large matrix product."""
    stages = {"features": features_stage, "finetune": finetune_stage, "vae": vae_stage}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=stages)
    parser.add_argument("--batch-size", type=int, default=0, help="0 takes the usual one.")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.manual_seed(0)
    devices = one_device(choose_device(cuda=None))
    device, dtype = devices.device, devices.precision.dtype
    title, call = stages[arguments.stage](devices, arguments.batch_size)

    with FlopCounterMode(display=False) as counter:
        call()
    work = counter.get_total_flops() / 1e9
    seconds = fastest(call, device, arguments.runs)
    shares = share_by_class(operator_times(call, device, arguments.runs))
    left, right = torch.randn(2, 2048, 2048, device=device).to(dtype)
    rate = 2 * 2.048**3 / fastest(lambda: torch.mm(left, right), device, 10)

    print(f"{title}, {device}, {dtype}, {torch.get_num_threads()} threads")
    print(f"  fastest of {arguments.runs}: {1e3 * seconds:.1f} ms")
    for name, share in shares.items():
        print(f"  {name:<34}{100 * share:5.1f} %{1e3 * share * seconds:9.1f} ms")
    print(f"  {work:.1f} G operations in products: {work / seconds:.0f} G/s of the whole time,")
    print(f"  {work / seconds / shares[PRODUCTS]:.0f} G/s of the products' own time")
    print(f"  a product of two 2048 x 2048 matrices: {rate:.0f} G/s; at that rate the products")
    print(f"  would take {1e3 * work / rate:.1f} ms, {work / rate / seconds:.0%} of the stage")


if __name__ == "__main__":
    main()
