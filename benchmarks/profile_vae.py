"""Where a step of the beta-VAE spends its time. `python -m benchmarks.profile_vae`."""

import argparse
import math
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.vae import factored_features
from submission.settings import FitSettings
from submission.training.allocator import keep_freed_memory
from submission.training.fit import VAEFit
from submission.training.precision import choose_device, choose_precision

CLASSES = {
    "matrix products": ("aten::mm", "aten::addmm"),
    "number formats": ("aten::copy_",),
    "optimiser": ("aten::_fused_adam_",),
    "batch norm": ("aten::native_batch_norm", "aten::native_batch_norm_backward"),
}


def main() -> None:
    """Profiles steps with the paper's network and sets them against the matrix-product rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    keep_freed_memory()
    device = choose_device(cuda=None)
    precision = choose_precision(device)
    settings = FitSettings()
    features = factored_features((arguments.steps * 3 + 10) * settings.batch_size)
    fit = VAEFit(features, settings, device, precision)
    step = fit.take_step
    seconds = fastest(step, device, arguments.steps)
    times = operator_times(step, device, arguments.steps)

    num_operations = matrix_operations(fit.vae, settings.batch_size)
    widest = settings.encoder_widths[-1]
    left = torch.randn(settings.batch_size, widest, device=device, dtype=precision.dtype)
    right = torch.randn(widest, widest, device=device, dtype=precision.dtype)
    rate = 2 * left.numel() * widest / fastest(lambda: torch.mm(left, right), device, 50)
    least = num_operations / rate

    print(f"a step of the beta-VAE, {device}, {precision.dtype}, {torch.get_num_threads()} threads")
    print(f"  fastest of {arguments.steps}: {1e3 * seconds:.1f} ms")
    for name, share in share_by_class(times).items():
        print(f"  {name:<18}{100 * share:5.1f} %")
    print(f"  matrix products of {num_operations / 1e9:.2f} G operations; alone, a product of")
    print(
        f"  {tuple(left.shape)} and {tuple(right.shape)} reaches {rate / 1e9:.0f} G operations/s,"
    )
    print(f"  so {1e3 * least:.1f} ms at least: the step is {seconds / least:.2f} times that")


def matrix_operations(network: nn.Module, batch_size: int) -> int:
    """Counts the additions and multiplications of a step's matrix products.

    Each weight takes part in the way forward, in its own gradient and in that of its input; the
    first layer's input needs none.
    """
    weights = [layer.weight for layer in network.modules() if isinstance(layer, nn.Linear)]
    return 2 * batch_size * (3 * sum(weight.numel() for weight in weights) - weights[0].numel())


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
    class_of = {name: kind for kind, names in CLASSES.items() for name in names}
    shares = dict.fromkeys([*CLASSES, "everything else"], 0.0)
    for name, amount in times.items():
        shares[class_of.get(name, "everything else")] += amount / sum(times.values())
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


if __name__ == "__main__":
    main()
