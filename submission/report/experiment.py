"""Everything about an experiment that the report shows, read back from its folder."""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from submission.data.catalogue import MPI3D_NAMES, STANDIN_NAMES
from submission.data.image_set import ImageSet
from submission.data.images import open_images
from submission.data.npz import has_member
from submission.errors import InputError, one_line
from submission.files import sha256_of
from submission.report.results import other_model, read_result, scores_path, scores_paths
from submission.report.subject import Curve, Subject
from submission.scoring.code_table import CodeTable, load_table
from submission.scoring.results import Scores
from submission.server.environment import Environment

__all__ = ["is_look_alike", "read_experiment"]


def read_experiment(environment: Environment) -> Subject:
    """Reads an experiment back; the images are mapped, not read.

    What belongs to another training than the exported model is left out. Seed 0, the challenge's,
    comes first.

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
    table = load_table(environment.codes_path) if environment.codes_path.is_file() else None
    _check(result.scores, images, table)
    training = _training(environment.notes_path, result.scores)
    factors = None
    if table is not None:
        scored = [table.space.names.index(name) for name in result.scores.factor_names]
        factors = table.space.index_to_factors(np.arange(table.space.num_points))[:, scored]
    return Subject(
        name=environment.evaluation_name,
        seeds=(result.scores, *_other_seeds(environment.representation_path, result.scores)),
        rows=result.rows,
        codes=None if table is None else table.codes,
        factors=factors,
        images=images,
        is_rendered=is_look_alike(images),
        training=training,
        curves=_curves(environment.training_path / "curves.csv") if training else {},
        configuration=_configuration(environment.configuration_path, result.scores),
        seconds=result.seconds,
    )


def _other_seeds(representation: Path, first: Scores) -> list[Scores]:
    """Reads the scores of the same model, data and settings with other seeds, in their order."""
    paths = [
        path for path in scores_paths(representation) if path != scores_path(representation, 0)
    ]
    found = [read_result(path).scores for path in paths]
    return [scores for scores in found if not scores.differing(first, "source")]


def _training(path: Path, scores: Scores) -> Mapping[str, Any]:
    """Reads what the run that made the model noted; nothing if another run noted it."""
    if not path.is_file():
        return {}
    made = scores.source and scores.source.model_sha256
    with _reading(path):
        notes: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if notes.get("model_sha256") != made:
            return {}
        seconds, versions = (dict(notes.get(name, {})) for name in ("seconds", "versions"))
        return {
            **notes,
            "seconds": {stage: float(taken) for stage, taken in seconds.items()},
            "versions": versions,
            "kl_per_latent": [float(value) for value in notes.get("kl_per_latent", [])],
        }


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
    with _reading(path), path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            steps, values = curves.setdefault(line["name"], ([], []))
            steps.append(int(line["step"]))
            values.append(float(line["value"]))
    return curves


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Refuses a file that holds something else than training wrote."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, csv.Error) as error:
        raise InputError(
            f"expected what training writes in {path}, got {one_line(error)}; delete the file to "
            "leave it out of the report"
        ) from error
