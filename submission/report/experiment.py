"""Everything about an experiment that the report shows, read back from its folder."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from submission.data.catalogue import MPI3D_NAMES, STANDIN_NAMES
from submission.data.images import ImageSet, open_images
from submission.data.npz import has_member
from submission.errors import InputError
from submission.files import sha256_of
from submission.report.results import Result, other_model, read_result, scores_path
from submission.scoring.code_table import CodeTable, load_table
from submission.scoring.results import Scores
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
        result: of the evaluation with seed 0.
        table: the codes; None if there are none.
        curves: of the training, by name; empty if there are none.
        training: what the run noted of itself; empty if nothing.
        configuration: the settings as gin text.
    """

    name: str
    images: ImageSet
    is_rendered: bool
    result: Result
    table: CodeTable | None
    curves: dict[str, Curve]
    training: Mapping[str, Any]
    configuration: str

    @property
    def scores(self) -> Scores:
        """The scores of the representation."""
        return self.result.scores


def read_experiment(environment: Environment) -> Experiment:
    """Reads an experiment back; the images are mapped, not read.

    What belongs to another training than the exported model is left out.

    Args:
        environment: where the experiment and the data are.

    Raises:
        MissingFileError: if there are no scores, or no images.
        InputError: if scores, model, codes and images do not belong together, or a file is broken.
    """
    path = scores_path(environment.representation_path, 0)
    result = read_result(path)
    reason = other_model(result.scores, environment.model_path)
    if reason:
        raise InputError(
            f"expected the scores of the exported model in {path}, got others: {reason}; evaluate "
            "again: python3 local_evaluation.py"
        )
    images = open_images(environment.dataset_name, environment.data_path)
    codes = environment.training_path / "codes.safetensors"
    table = load_table(codes) if codes.is_file() else None
    _check(result.scores, images, table)
    training = _training(environment.training_path / "training.json", result.scores)
    return Experiment(
        name=environment.evaluation_name,
        images=images,
        is_rendered=is_look_alike(images),
        result=result,
        table=table,
        curves=_curves(environment.training_path / "curves.csv") if training else {},
        training=training,
        configuration=_configuration(
            environment.training_path / "configuration.gin", result.scores
        ),
    )


def _training(path: Path, scores: Scores) -> Mapping[str, Any]:
    """Reads what the run that made the model noted; nothing if another run noted it."""
    if not path.is_file():
        return {}
    notes: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    made = scores.source and scores.source.model_sha256
    return notes if notes.get("model_sha256") == made else {}


def _configuration(path: Path, scores: Scores) -> str:
    """Reads the settings that the model was made with; nothing if they have changed since."""
    if not path.is_file() or scores.source is None:
        return ""
    same = sha256_of(path) == scores.source.config_sha256
    return path.read_text(encoding="utf-8") if same else ""


def _check(scores: Scores, images: ImageSet, table: CodeTable | None) -> None:
    """Refuses parts of different experiments, by what is known without reading every image."""
    if scores.source is not None and scores.source.data_name != images.name:
        raise InputError(
            f"expected the images of {scores.source.data_name}, which the scores are of, got "
            f"{images.name}; set AICROWD_DATASET_NAME or evaluate again"
        )
    if scores.num_rows != images.space.num_points:
        raise InputError(
            f"expected {scores.num_rows:,} images, as many as were scored, got "
            f"{images.space.num_points:,} in {images.path}; evaluate again: "
            "python3 local_evaluation.py"
        )
    if table is None:
        return
    if table.codes.shape != (scores.num_rows, scores.num_latents) or table.source != scores.source:
        raise InputError(
            "expected the codes that were scored, got those of another model, data set or "
            "configuration; make them again: python3 local_evaluation.py --encode"
        )


def is_look_alike(images: ImageSet) -> bool:
    """Tells whether images are a stand-in's, by name or under a published set's name.

    The published files hold images only; a stand-in's describes its grid too.
    """
    if images.name in STANDIN_NAMES:
        return True
    return images.name in MPI3D_NAMES and has_member(images.path, "factor_sizes")


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
