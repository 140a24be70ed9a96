"""What an evaluation leaves beside the model: one JSON file for each evaluation seed."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from submission.errors import InputError, MissingFileError
from submission.files import sha256_of, write_json
from submission.scoring.metrics.catalogue import ALL_METRICS
from submission.scoring.results import Scores, scores_from_dict
from submission.scoring.text_tables import Row, json_table

__all__ = [
    "MODEL_FILE",
    "SCORES_FILE",
    "Result",
    "joined",
    "other_model",
    "read_result",
    "scores_path",
    "scores_paths",
    "write_result",
]


@dataclass(frozen=True, eq=False)
class Result:
    """What one evaluation found.

    Attributes:
        scores: of the representation.
        rows: of the table of scores, the representation's first.
        data: the data set: name, sizes, number of images and hash.
        codes: how the codes were made: by what, and how far they are from the exported file's.
        seconds: how long each stage took.
    """

    scores: Scores
    rows: tuple[Row, ...]
    data: Mapping[str, Any]
    codes: Mapping[str, Any]
    seconds: Mapping[str, float]


MODEL_FILE = "pytorch_model.pt"
"""The name of an exported model, in the folder of its scores."""

SCORES_FILE = re.compile(r"scores(?:_seed_([1-9][0-9]*))?\.json")
"""The names of files of scores, and the seed in them."""


def scores_path(representation: Path, seed: int) -> Path:
    """Names the file of an experiment's scores for one evaluation seed.

    Example:
        >>> scores_path(Path("representation"), 1).name
        'scores_seed_1.json'
    """
    return representation / ("scores.json" if seed == 0 else f"scores_seed_{seed}.json")


def scores_paths(representation: Path) -> list[Path]:
    """Lists an experiment's files of scores by seed. A copy under another name is none of them.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("scores_seed_10.json", "scores.json", "scores copy.json"):
        ...         Path(folder, name).touch()
        ...     [path.name for path in scores_paths(Path(folder))]
        ['scores.json', 'scores_seed_10.json']
    """
    seeds = {
        int(found[1] or 0)
        for path in representation.glob("scores*.json")
        if (found := SCORES_FILE.fullmatch(path.name))
    }
    return [scores_path(representation, seed) for seed in sorted(seeds)]


def write_result(result: Result, path: Path) -> None:
    """Writes a result as JSON.

    Raises:
        OutputError: if the file cannot be written.
    """
    scores = result.scores
    content = {
        "scores": scores.values(),
        "data": result.data,
        "model_sha256": scores.source.model_sha256 if scores.source else None,
        "versions": scores.versions,
        "seconds": result.seconds,
        "codes": result.codes,
        "rows": json_table(result.rows),
        "details": scores.to_dict(),
    }
    write_json(path, content)


def read_result(path: Path) -> Result:
    """Reads back what `write_result` wrote.

    Raises:
        MissingFileError: if there is no file.
        InputError: if the file holds something else.

    Example:
        >>> import tempfile
        >>> from submission.factors import FactorSpace
        >>> from submission.scoring import score_table
        >>> space = FactorSpace(("shape", "size"), (3, 4))
        >>> scores = score_table(space.index_to_factors(range(12)) * 1.0, space, metrics=("irs",))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_result(Result(scores, (), {}, {}, {}), Path(folder, "scores.json"))
        ...     read_result(Path(folder, "scores.json")).scores.values() == scores.values()
        True
    """
    if not path.is_file():
        raise MissingFileError(
            f"expected scores at {path}, got no file; make them: python3 local_evaluation.py"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Result(
            scores=scores_from_dict(content["details"]),
            rows=tuple(_row(row) for row in content["rows"]),
            data=content.get("data", {}),
            codes=content.get("codes", {}),
            seconds=content.get("seconds", {}),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"expected scores in {path}, got {error!r}; evaluate again: python3 local_evaluation.py"
        ) from error


def _row(content: Mapping[str, Any]) -> Row:
    """Reads back a row of `json_table`."""
    given = {metric: content[metric] for metric in ALL_METRICS if metric in content}
    means = {metric: float(value["mean"]) for metric, value in given.items()}
    stds = {m: float(value["std"]) for m, value in given.items() if value["std"] is not None}
    return Row(content["name"], means, stds)


def other_model(scores: Scores, model: Path) -> str:
    """Says why scores are not those of a model file; nothing if they are."""
    if scores.source is None:
        return "they do not say which model they are of"
    if not model.is_file():
        return f"there is no model at {model}"
    found, wanted = scores.source.model_sha256, sha256_of(model)
    if found == wanted:
        return ""
    return f"they are of the model {found[:12]}, {model.name} there is {wanted[:12]}"


def joined(new: Result, earlier: Result) -> Result | None:
    """Adds the metrics that only an earlier result has.

    Args:
        new: the result with precedence.
        earlier: a result for the same seed.

    Returns:
        The joint result, or None if the two are of different models, data, codes or settings.

    Example:
        >>> from submission.factors import FactorSpace
        >>> from submission.scoring import score_table
        >>> space = FactorSpace(("shape", "size"), (3, 4))
        >>> codes = space.index_to_factors(range(12)) * 1.0
        >>> mig, irs = (score_table(codes, space, metrics=(metric,)) for metric in ("mig", "irs"))
        >>> list(joined(Result(mig, (), {}, {}, {}), Result(irs, (), {}, {}, {})).scores.values())
        ['irs', 'mig']
    """
    if new.scores.differing(earlier.scores, "seed", "source", "versions"):
        return None
    if new.codes.get("made_by") != earlier.codes.get("made_by"):
        return None
    kept = {
        metric: getattr(earlier.scores, metric)
        for metric in ALL_METRICS
        if getattr(new.scores, metric) is None
    }
    scores = replace(
        new.scores,
        **kept,
        notes=tuple(dict.fromkeys([*new.scores.notes, *earlier.scores.notes])),
        seconds={**earlier.scores.seconds, **new.scores.seconds},
    )
    means = {row.name: row.means for row in earlier.rows}
    rows = tuple(replace(row, means={**means.get(row.name, {}), **row.means}) for row in new.rows)
    return replace(new, scores=scores, rows=rows)
