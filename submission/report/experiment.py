"""Everything about an experiment that the report shows, read back from its folder."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from submission.data.catalogue import MPI3D_NAMES, STANDIN_NAMES
from submission.data.images import ImageSet, open_images
from submission.data.npz import has_member
from submission.errors import InputError, MissingFileError
from submission.scoring.code_table import CodeTable, load_table
from submission.scoring.results import Scores, scores_from_dict
from submission.scoring.settings import ALL_METRICS
from submission.scoring.text_tables import Row
from submission.server.environment import Environment

__all__ = ["Curve", "Experiment", "is_look_alike", "read_experiment"]

Curve = tuple[list[int], list[float]]
"""Steps and values."""


@dataclass(frozen=True, eq=False)
class Experiment:
    """An experiment that has been scored.

    Attributes:
        name: the experiment's.
        images: its data set.
        is_rendered: whether the images are a stand-in's, whatever the data set is called.
        scores: of the representation.
        rows: of the table of scores, the representation's first.
        evaluation: what `scores.json` says beside them.
        table: the codes; None if training kept none.
        curves: of the training, by name; empty if there are none.
        training: what the run noted of itself; empty if nothing.
        configuration: the settings as gin text.
    """

    name: str
    images: ImageSet
    is_rendered: bool
    scores: Scores
    rows: list[Row]
    evaluation: Mapping[str, Any]
    table: CodeTable | None
    curves: dict[str, Curve]
    training: Mapping[str, Any]
    configuration: str


def read_experiment(environment: Environment, table: CodeTable | None = None) -> Experiment:
    """Reads an experiment back; the images are mapped, not read.

    Args:
        environment: where the experiment and the data are.
        table: the codes that were scored, if at hand; else training's are read.

    Raises:
        FileNotFoundError: if there are no scores, or no images.
        ValueError: if scores, codes and images do not belong together, or a file is broken.
    """
    path = environment.representation_path / "scores.json"
    if not path.is_file():
        raise MissingFileError(
            f"expected scores at {path}; make them with: python -m submission evaluate"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        scores, rows = scores_from_dict(content["details"]), _rows(content["rows"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"expected scores in {path}, got {error!r}; evaluate again") from error
    images = open_images(environment.dataset_name, environment.data_path)
    if table is None and (environment.training_path / "codes.safetensors").is_file():
        table = load_table(environment.training_path / "codes.safetensors")
    _check(scores, images, table)
    notes = environment.training_path / "training.json"
    configuration = environment.training_path / "configuration.gin"
    return Experiment(
        name=environment.evaluation_name,
        images=images,
        is_rendered=is_look_alike(images),
        scores=scores,
        rows=rows,
        evaluation=content,
        table=table,
        curves=_curves(environment.training_path / "curves.csv"),
        training=json.loads(notes.read_text(encoding="utf-8")) if notes.is_file() else {},
        configuration=configuration.read_text(encoding="utf-8") if configuration.is_file() else "",
    )


def _check(scores: Scores, images: ImageSet, table: CodeTable | None) -> None:
    """Refuses parts of different experiments, by what is known without reading every image."""
    if scores.source is not None and scores.source.data_name != images.name:
        raise InputError(
            f"expected the images of {scores.source.data_name}, which the scores are of, got "
            f"{images.name}; set AICROWD_DATASET_NAME or evaluate again"
        )
    if scores.num_rows != images.space.num_points:
        raise InputError(
            f"expected {scores.num_rows:,} images, as were scored, got "
            f"{images.space.num_points:,} in {images.path}; evaluate again"
        )
    if table is None:
        return
    if table.codes.shape != (scores.num_rows, scores.num_latents) or (
        scores.source is not None and table.source != scores.source
    ):
        raise InputError(
            "expected the codes that were scored, got those of another model, data set or "
            "configuration; evaluate again"
        )
    if not np.isfinite(table.codes).all():
        raise InputError("expected finite codes, got others; train again")


def is_look_alike(images: ImageSet) -> bool:
    """Tells whether images are a stand-in's, by name or under a published set's name.

    The published files hold images only; a stand-in's describes its grid too.
    """
    if images.name in STANDIN_NAMES:
        return True
    return images.name in MPI3D_NAMES and has_member(images.path, "factor_sizes")


def _rows(content: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Reads back what `json_table` made."""
    return [
        Row(
            row["name"],
            {metric: float(row[metric]["mean"]) for metric in ALL_METRICS if metric in row},
            {
                metric: float(row[metric]["std"])
                for metric in ALL_METRICS
                if metric in row and row[metric]["std"] is not None
            },
        )
        for row in content
    ]


def _curves(path: Path) -> dict[str, Curve]:
    """Reads `curves.csv`, columns step, name and value, into one curve per name."""
    curves: dict[str, Curve] = {}
    if not path.is_file():
        return curves
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            steps, values = curves.setdefault(line["name"], ([], []))
            steps.append(int(line["step"]))
            values.append(float(line["value"]))
    return curves
