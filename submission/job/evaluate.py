"""Local evaluation: an exported representation in, five scores and what belongs to them out."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from submission.console import progress_bar, say
from submission.data.images import ImageSet, open_images
from submission.files import replacing, sha256_of, write_json
from submission.models.export import load_exported
from submission.report.comparison import scores_path
from submission.scoring.code_table import CodeTable, load_table, verify_table
from submission.scoring.leaderboard import load_pool
from submission.scoring.reference import score_perfect_codes
from submission.scoring.result_files import write_result_files
from submission.scoring.results import Scores, Source
from submission.scoring.score_codes import score_table
from submission.scoring.settings import ALL_METRICS
from submission.scoring.text_tables import (
    Row,
    csv_table,
    describe,
    factor_table,
    json_table,
    row_of_entry,
    row_of_scores,
    text_table,
)
from submission.server.environment import Environment
from submission.training.batches import to_unit_range

__all__ = ["Evaluation", "evaluate_representation"]

TOLERANCE_BFLOAT16 = 0.25
"""Largest difference, in standard deviations of the widest latent, that bfloat16 features make."""

Pixels = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Evaluation:
    """What local evaluation found.

    Attributes:
        scores: of the exported representation.
        table: the codes that were scored.
        rows: of the printed table: ours, the paper's, and perfect codes.
        path: the JSON file of it all.
    """

    scores: Scores
    table: CodeTable
    rows: list[Row]
    path: Path


def evaluate_representation(
    environment: Environment,
    seed: int = 0,
    metrics: tuple[str, ...] = ALL_METRICS,
    *,
    encode: bool = False,
) -> Evaluation:
    """Scores the exported representation of an experiment with disentanglement_lib's metrics.

    The codes that training left are used when they belong to the exported file, the images and
    the settings; that is checked by hash and on a sample of images. `scores.json` and `scores.csv`
    are written beside the model (`scores_seed_1.json` for seed 1, and so on), the library's result
    files into `metrics/`.

    Args:
        environment: where to read and write.
        seed: of the metrics' draws; the challenge's is 0.
        metrics: which metrics.
        encode: encode every image with the exported file instead of using training's codes.

    Raises:
        FileNotFoundError: if images or exported file are missing.
        ValueError: if codes, images and exported file do not belong together.
    """
    began = time.monotonic()
    seconds: dict[str, float] = {}
    images = open_images(environment.dataset_name, environment.data_path)
    represent = _representation(environment.model_path)
    table, difference = _codes(environment, images, represent, encode=encode)
    seconds["codes"] = time.monotonic() - began

    say("scoring (the first seconds are TensorFlow's import)")
    began = time.monotonic()
    scores = score_table(
        table.codes, table.space, seed, metrics, source=table.source, hidden=images.hidden
    )
    seconds["scoring"] = time.monotonic() - began
    began = time.monotonic()
    visible = table.space.without(images.hidden)
    references = [
        Row(f"perfect code{text}", score_perfect_codes(visible, noise, seed, metrics).values())
        for noise, text in ((0.0, ""), (0.1, ", noise .1"))
    ]
    seconds["perfect codes"] = time.monotonic() - began
    name = f"{environment.evaluation_name} on {images.name}"
    published = [row_of_entry(entry) for entry in load_pool()]
    published = [Row(f"{row.name}, on mpi3d_real", row.means) for row in published]
    rows = [row_of_scores(name, scores), *references, *published]

    path = scores_path(environment.representation_path, seed)
    write_json(path, _content(scores, rows, images, difference, seconds))
    with replacing(path.with_suffix(".csv")) as beside:
        beside.write_text(csv_table(rows), encoding="utf-8")
    write_result_files(scores, environment.experiment_path, images.name)
    say("")
    say(describe(scores))
    say("")
    say(factor_table(scores))
    say(text_table(rows))
    say(f"scores: {path}")
    return Evaluation(scores, table, rows, path)


def _content(
    scores: Scores,
    rows: list[Row],
    images: ImageSet,
    difference: float,
    seconds: dict[str, float],
) -> dict[str, Any]:
    return {
        "scores": scores.values(),
        "data": {
            "name": images.name,
            "sizes": list(images.space.sizes),
            "num_images": images.space.num_points,
            "sha256": images.sha256,
        },
        "model_sha256": scores.source.model_sha256 if scores.source else None,
        "versions": scores.versions,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "largest_code_difference": difference,
        "rows": json_table(rows),
        "details": scores.to_dict(),
    }


def _representation(path: Path) -> Callable[[Pixels], Codes]:
    function: Callable[[Tensor], Tensor] = load_exported(path)

    @torch.inference_mode()
    def represent(pixels: Pixels) -> Codes:
        batches = torch.split(torch.from_numpy(np.ascontiguousarray(pixels)), 64)
        device = torch.device("cpu")
        return torch.cat([function(to_unit_range(rows, device)) for rows in batches]).numpy()

    return represent


def _codes(
    environment: Environment,
    images: ImageSet,
    represent: Callable[[Pixels], Codes],
    *,
    encode: bool,
) -> tuple[CodeTable, float]:
    configuration = environment.training_path / "configuration.gin"
    config = configuration.read_bytes() if configuration.is_file() else b""
    source = Source(
        data_name=images.name,
        data_sha256=images.sha256,
        model_sha256=sha256_of(environment.model_path),
        config_sha256=hashlib.sha256(config).hexdigest(),
    )
    path = environment.training_path / "codes.safetensors"
    if path.is_file() and not encode:
        table = load_table(path)
        difference = verify_table(
            table, represent, images.images, source, tolerance=TOLERANCE_BFLOAT16
        )
        say(
            f"codes: {path}; on 256 images they differ from the exported file's by at most "
            f"{difference:.3f} standard deviations of the widest latent"
        )
        return table, difference
    chunks = []
    with progress_bar(images.space.num_points, "encoding", " images") as bar:
        for start in range(0, images.space.num_points, 1024):
            chunks.append(represent(images.images[start : start + 1024]))
            bar.update(len(chunks[-1]))
    return CodeTable(
        codes=np.concatenate(chunks),
        space=images.space,
        model_sha256=source.model_sha256,
        data_sha256=source.data_sha256,
        config_sha256=source.config_sha256,
        data_name=source.data_name,
    ), 0.0
