"""MPI3D from download to report: fetch and check the file, train, score, write the report.

    python -m docs.examples.mpi3d                       # mpi3d_real: 12.7 GB, 1,036,800 images
    python -m docs.examples.mpi3d --without-training    # the same way with codes of plain pixels

It runs in a clone that has the packages. Each step is a command, printed before it runs, so that it
can be pasted into a terminal; `./run.sh` does "train" and "evaluate". Run again, the script
resumes an interrupted fetch. A file that is here already is checked only. Training on the whole
file needs a GPU or many hours. `--preset configs/paper.gin` and `--set Fit.num_epochs=1` change it.

Codes of plain pixels are the mean colours of the four quarters of an image. They need no training
and show what a representation has to beat. The tests run the script so, on 144 rendered images.
They serve the file themselves (`--url`); for the real file, leave `--url` out.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

import numpy as np

from submission.cli import main
from submission.data.images import open_images
from submission.server.environment import read_environment


def options() -> argparse.Namespace:
    """Reads what the user asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", nargs="?", default="mpi3d_real")
    parser.add_argument("--preset", default="configs/best.gin")
    parser.add_argument("--set", action="append", default=[], help="such as Fit.seed=1")
    parser.add_argument("--metric", action="append", default=[], help="all by default")
    parser.add_argument("--url", help="of a copy, in place of the published address")
    parser.add_argument("--without-training", action="store_true")
    return parser.parse_args()


def run(*words: str) -> None:
    """Prints a command and runs it, and ends the script where the command fails."""
    print(f"$ python -m submission {shlex.join(words)}", flush=True)
    if status := main(words):
        sys.exit(status)


def repeated(option: str, values: list[str]) -> list[str]:
    """Writes an option once for each value."""
    return [word for value in values for word in (option, value)]


def save_pixel_codes(dataset: str, path: Path) -> str:
    """Writes (N, 12) mean colours of the images' quarters; returns the sizes of the grid."""
    images = open_images(dataset, read_environment().data_path)
    codes = np.empty((len(images.images), 12), dtype=np.float32)
    for start in range(0, len(codes), 1024):
        batch = images.images[start : start + 1024] / np.float32(255)
        quarters = batch.reshape(-1, 2, 32, 2, 32, 3).mean(axis=(2, 4))
        codes[start : start + 1024] = quarters.reshape(len(batch), 12)
    np.save(path, codes)
    return ",".join(map(str, images.space.sizes))


if __name__ == "__main__":
    given = options()
    os.environ["AICROWD_DATASET_NAME"] = given.dataset
    os.environ["AICROWD_EVALUATION_NAME"] = "mpi3d"
    print(f"$ export AICROWD_DATASET_NAME={given.dataset} AICROWD_EVALUATION_NAME=mpi3d")
    metrics = repeated("--metric", given.metric)
    run("data", "fetch", given.dataset, *(["--url", given.url] if given.url else []))
    folder = read_environment().experiment_path
    if given.without_training:
        folder.mkdir(parents=True, exist_ok=True)
        sizes = save_pixel_codes(given.dataset, folder / "pixels.npy")
        run("score", str(folder / "pixels.npy"), "--grid", sizes, *metrics, "--output", str(folder))
    else:
        run("train", given.preset, *repeated("--set", given.set))  # representation/pytorch_model.pt
        run("evaluate", *metrics)  # representation/scores.json and report/report.html
