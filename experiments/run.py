"""Trains and scores the seeds of a row that are still missing."""

import fcntl
import json
import shutil
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from experiments.audit import audit, by_factor
from experiments.earlier import Earlier, fetch_earlier
from experiments.finetuning import GRID as FINETUNING_GRID
from experiments.finetuning import REAL, Finetuning, data_folder, finetune_extractor
from experiments.imagenet import ImageNet, load_network, train_codes
from experiments.rows import MAIN, UNPREPARED, Row, sizes_of
from submission.config.configuration import (
    PROJECT,
    Configuration,
    changed_settings,
    load_configuration,
)
from submission.console import say
from submission.data.catalogue import RENDERER_VERSION
from submission.data.image_set import file_of
from submission.data.standin.render import render_file
from submission.files import write_json
from submission.job.train import train_representation
from submission.models.frozen import RANDOM
from submission.models.weights import read_card
from submission.scoring.code_table import CodeTable, load_table
from submission.scoring.score_codes import score_table
from submission.server.environment import Environment

__all__ = ["RESULTS", "WEIGHTS", "current_results", "read_results", "run_row"]

WEIGHTS = PROJECT / "weights/extractor.safetensors"
RESULTS = PROJECT / "docs/results"
SCRATCH = PROJECT / "scratch/experiments"


def read_results(row: Row) -> dict[str, Any] | None:
    """Reads the file of a row; None if it was never run."""
    path = RESULTS / f"{row.name}.json"
    if not path.is_file():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def run_row(row: Row, seeds: Sequence[int] | None = None) -> None:
    """Trains and scores each seed that the row's file lacks, and adds it to the file.

    Images are rendered once for a grid; features are kept, so that a row which changes the VAE
    alone begins with it. Several processes may work on different seeds of one row.

    Args:
        row: what to run.
        seeds: all of the row's if None.

    Raises:
        ValueError: if a setting or the data do not fit.
    """
    for seed in range(row.num_seeds) if seeds is None else seeds:
        if seed not in {training["seed"] for training in current_results(row)["trainings"]}:
            say(f"{row.name}, seed {seed}")
            _keep(row, _train(row, seed))


def current_results(row: Row) -> dict[str, Any]:
    """Reads the file of a row; without trainings if there is none of these weights and settings."""
    configuration = _configuration(row)
    digest = _expected_weights(row, configuration)
    changed: dict[str, Any] = json.loads(json.dumps(changed_settings(configuration)))
    header = {
        "command": row.command,
        "settings": changed,
        "weights_sha256": digest,
        "renderer_version": RENDERER_VERSION,
    }
    results = read_results(row)
    if results is None or any(results.get(name) != value for name, value in header.items()):
        return {**header, "trainings": []}
    return results


def _expected_weights(row: Row, configuration: Configuration) -> str | None:
    """Gives the hash of the weights that a row needs; None if it makes its own."""
    if isinstance(row.extractor, Earlier | ImageNet):
        return row.extractor.sha256
    if row.extractor or configuration.extract.weights == RANDOM:
        return None
    digest: str = read_card(WEIGHTS)["sha256"]
    return digest


def _keep(row: Row, training: dict[str, Any]) -> None:
    """Adds a training to the row's file, which other processes may be changing, too."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with (SCRATCH / "results.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        results = current_results(row)
        trainings = [*results["trainings"], training]
        results["trainings"] = sorted(trainings, key=lambda training: training["seed"])
        write_json(RESULTS / f"{row.name}.json", results)


def _train_preset(
    environment: Environment, configuration: Configuration
) -> tuple[CodeTable, float]:
    """Gives the code of every image, and the seconds of the VAE's training."""
    train_representation(environment, configuration)
    notes = json.loads(environment.notes_path.read_text(encoding="utf-8"))
    return load_table(environment.codes_path), notes["seconds"]["fit"]


def _train(row: Row, seed: int) -> dict[str, Any]:
    train = _train_preset
    if isinstance(row.extractor, Finetuning):
        for name in (*row.extractor.data, REAL):
            data = _rendered(name, FINETUNING_GRID)
        finetune_extractor(row.extractor, data)
    elif isinstance(row.extractor, Earlier):
        fetch_earlier(row.extractor)
    elif isinstance(row.extractor, ImageNet):
        train = partial(train_codes, load_network(row.extractor))
    environment = Environment(
        output_path=SCRATCH,
        evaluation_name=f"{row.name}-{seed}",
        dataset_name=row.domain,
        data_path=_rendered(row.domain, row.grid),
        is_grading=False,
        cuda=None,
    )
    configuration = _configuration(row, f"Fit.seed={seed}", "Extract.keep_features=True")
    table, seconds = train(environment, configuration)
    details = score_table(table.codes, table.space)
    scores = details.values()
    training = {
        "seed": seed,
        "scores": scores,
        "by_factor": by_factor(details),
        "audit": audit(table) if row in MAIN + UNPREPARED else None,
        "code_std": table.codes.std(axis=0).tolist(),
        "seconds": seconds,
        "commit": _commit(),
    }
    if isinstance(row.extractor, Finetuning):
        card = read_card(PROJECT / row.extractor.weights)
        training |= {"extractor": card["sha256"], "accuracy": card["accuracy"][REAL]}
    say("  ".join(f"{name} {value:z.3f}" for name, value in scores.items()))
    shutil.rmtree(environment.experiment_path)
    rounded: dict[str, Any] = json.loads(
        json.dumps(training), parse_float=lambda digits: round(float(digits), 5)
    )
    return rounded


def _configuration(row: Row, *overrides: str) -> Configuration:
    return load_configuration(Path(f"configs/{row.preset}.gin"), [*row.settings, *overrides])


def _rendered(name: str, grid: str) -> Path:
    """Gives the data folder of a grid; renders a set of images into it that is not there."""
    folder = PROJECT / data_folder(grid)
    path = file_of(name, folder)
    if not path.exists():
        num_threads = torch.get_num_threads()
        render_file(name, sizes_of(grid), path, seed=0)
        torch.set_num_threads(num_threads)  # numba sets all cores for the whole process
    return folder


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], check=True, cwd=PROJECT, capture_output=True, text=True
        ).stdout.strip()

    changed = git("status", "--porcelain", "--", "submission", "configs", "weights")
    return git("rev-parse", "--short=10", "HEAD") + (" and changes" if changed else "")
