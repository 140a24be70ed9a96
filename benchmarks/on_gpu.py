"""All checks and timings of a GPU in at most eight minutes: `python -m benchmarks.on_gpu FOLDER`.

First the tests that compare the GPU with the CPU, then the speed of each stage. Each command has a
limit of time, and writes all that it prints to a file in the folder. Without a GPU, the sizes are
small and the tests are skipped.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch


class Command(NamedTuple):
    """A command of Python.

    Attributes:
        name: of the file that it writes.
        words: after `python -m`.
        limit: seconds after which it is ended.
    """

    name: str
    words: str
    limit: int


TESTS = Command(
    "tests", "pytest -n 0 -q tests/test_gpu.py tests/test_gpu_vae.py --durations=10", 180
)

ON_GPU = (
    TESTS,
    Command("features", "benchmarks.features --images 24576 --batch-size 1024", 50),
    Command("vae", "benchmarks.vae --features 102400 --epochs 0 --runs 2", 50),
    Command("finetune", "benchmarks.finetune --batch-size 512 --runs 10", 50),
    Command("job", "benchmarks.job", 150),
)

ON_CPU = (
    TESTS,
    Command("features", "benchmarks.features --images 16 --batch-size 8", 300),
    Command("vae", "benchmarks.vae --features 512 --epochs 0 --runs 1", 300),
    Command("finetune", "benchmarks.finetune --batch-size 4 --runs 1", 300),
    Command("job", "benchmarks.job --grid 6,6,2,1,1,2,2 --epochs 1", 300),
)


def run(command: Command, folder: Path) -> bool:
    """Runs a command, prints how it ended and returns whether it succeeded."""
    began = time.monotonic()
    with (folder / f"{command.name}.txt").open("wb") as file:
        words = [sys.executable, "-u", "-m", *command.words.split()]
        try:
            status = subprocess.run(
                words, stdout=file, stderr=subprocess.STDOUT, timeout=command.limit, check=False
            ).returncode
            ending = "done" if status == 0 else f"failed with status {status}"
        except subprocess.TimeoutExpired:
            ending = f"ended after its limit of {command.limit} s"
    line = f"{command.name}: {ending}, {time.monotonic() - began:.0f} s"
    print(line, flush=True)
    with (folder / "summary.txt").open("a", encoding="utf-8") as summary:
        summary.write(line + "\n")
    return ending == "done"


def main() -> None:
    """Runs all commands; the status is 1 if one of them did not succeed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="Receives a file for each command.")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    commands = ON_GPU if torch.cuda.is_available() else ON_CPU
    succeeded = [run(command, folder) for command in commands]
    sys.exit(0 if all(succeeded) else 1)


if __name__ == "__main__":
    main()
