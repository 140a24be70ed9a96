"""Scores out of disentanglement_lib's own result files, of runs that others published."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from submission.errors import InputError, MissingFileError
from submission.scoring.leaderboard import Entry
from submission.scoring.metrics.catalogue import METRICS

__all__ = ["Published", "read_published"]

METRIC_OF = {metric.function: name for name, metric in METRICS.items()}
"""Our names of the metrics by the library's functions."""


@dataclass(frozen=True)
class Published:
    """What was found in one folder.

    Attributes:
        entry: the scores there are, with values from 0 to 1, and the data set's name.
        left_out: for each file that gave no score, the file and the reason.
    """

    entry: Entry
    left_out: tuple[str, ...]


def read_published(path: Path) -> Published:
    """Reads every evaluation of one model that disentanglement_lib wrote below a folder.

    The library's `evaluate` writes `results/aggregate/evaluation.json` for each metric; its program
    `dlib_reproduce` gathers those of a model in `metrics/mean` and `metrics/sampled`.

    Args:
        path: such a folder, or one `evaluation.json`.

    Raises:
        MissingFileError: if there is no such file below the folder.
        InputError: if a file is not the library's, or two files hold the same metric.

    Example:
        >>> import tempfile
        >>> name = "evaluation_config.evaluation.evaluation_fn"
        >>> content = {name: "@mig", "evaluation_results.discrete_mig": 0.3}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "evaluation.json")
        ...     _ = path.write_text(json.dumps(content))
        ...     read_published(path).entry.scores
        {'mig': 0.3}
    """
    files = [path] if path.is_file() else sorted(path.rglob("aggregate/evaluation.json"))
    if not files:
        raise MissingFileError(
            f"expected disentanglement_lib's results/aggregate/evaluation.json in or below {path}, "
            "got none; name the folder that its evaluate wrote to"
        )
    places: dict[str, Path] = {}
    scores: dict[str, float] = {}
    data: dict[str, None] = {}
    left_out = []
    for file in files:
        content = _read(file)
        data[str(content.get("evaluation_config.dataset.name", "unnamed data")).strip("'\"")] = None
        # A reference such as "@mig" or "@scope/module.mig".
        function = re.split("[@/.]", content["evaluation_config.evaluation.evaluation_fn"])[-1]
        if function not in METRIC_OF:
            left_out.append(f"{file}: {function} is none of {', '.join(METRIC_OF)}")
            continue
        metric = METRIC_OF[function]
        field = METRICS[metric].field
        if metric in places:
            raise InputError(
                f"expected one score of {function} in {path}, got two, in {places[metric]} and "
                f"{file}; name the folder of one model and representation, such as metrics/mean"
            )
        places[metric] = file
        value = content.get(f"evaluation_results.{field}")
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            scores[metric] = float(value)
        else:
            left_out.append(f"{file}: expected {field} from 0 to 1, got {value}")
    return Published(Entry(str(path), scores, data=", ".join(data)), tuple(left_out))


def _read(file: Path) -> dict[str, Any]:
    """Reads one file and makes sure that it says which function was evaluated."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"expected JSON in {file}, got {error}; copy the file again") from error
    function = "evaluation_config.evaluation.evaluation_fn"
    if not isinstance(content, dict) or not isinstance(content.get(function), str):
        raise InputError(
            f"expected {function} in {file}, got none; disentanglement_lib's evaluate writes it to "
            "results/aggregate/evaluation.json"
        )
    return content
