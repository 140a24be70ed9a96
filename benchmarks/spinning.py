"""Times the VAE of best.gin by how long idle threads spin. `python -m benchmarks.spinning`.

Each count of GOMP_SPINCOUNT gets processes of its own, on an idle machine and beside busy programs.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from submission.server.environment import SPINS

STEPS = 20
COUNTS = (("default", "300000"), ("ours", SPINS), ("none", "0"))


def main() -> None:
    """Prints the median milliseconds of a step, per count and number of busy programs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--busy", type=int, default=2, help="Most busy programs.")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(milliseconds_of_a_step())
        return
    for num_busy in range(arguments.busy + 1):
        busy = [subprocess.Popen([sys.executable, "-c", "while True: 0"]) for _ in range(num_busy)]
        try:
            for name, count in COUNTS:
                steps = sorted(measured(count) for _ in range(arguments.runs))
                middle = steps[len(steps) // 2]
                print(
                    f"{num_busy} busy programs, {name} ({count} spins): {middle:6.0f} ms a step "
                    f"({steps[0]:.0f} to {steps[-1]:.0f})",
                    flush=True,
                )
        finally:
            for process in busy:
                process.kill()
                process.wait()


def measured(count: str) -> float:
    """Starts a process with a count and returns its milliseconds of a step."""
    command = [sys.executable, "-m", "benchmarks.spinning", "--child"]
    variables = {**os.environ, "GOMP_SPINCOUNT": count}
    return float(subprocess.run(command, env=variables, check=True, capture_output=True).stdout)


def milliseconds_of_a_step() -> float:
    """Trains the VAE of best.gin on random features for some steps."""
    import torch

    from submission.config.configuration import load_configuration
    from submission.models.views import views_of_heads
    from submission.models.weights import load_weights
    from submission.training.precision import choose_device, choose_precision
    from submission.training.vae.task import VAETask

    settings = load_configuration(Path("configs/best.gin")).fit
    features = torch.nn.functional.normalize(torch.rand(4096, 512))
    heads = load_weights(Path("weights/extractor.safetensors")).heads
    assert heads is not None
    device = choose_device(cuda=False)
    views = views_of_heads(heads, features, settings.views)
    task = VAETask(features, settings, device, choose_precision(device), views)
    for _ in range(3):
        task.take_step()
    began = time.monotonic()
    for _ in range(STEPS):
        task.take_step()
    return 1000 * (time.monotonic() - began) / STEPS


if __name__ == "__main__":
    main()
