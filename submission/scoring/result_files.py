"""Result files as disentanglement_lib writes them, so that its tools and others read ours."""

import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from submission.errors import InputError, one_line
from submission.files import write_json, writing
from submission.scoring.metrics.catalogue import METRICS
from submission.scoring.results import Scores

__all__ = ["write_result_files"]

STEP = "evaluation"


def write_result_files(scores: Scores, experiment: Path, data_name: str) -> list[Path]:
    """Writes `metrics/<name>/results/` for each metric there is, and replaces what was there.

    The folder is `metrics_seed_1` for seed 1, and so on. Folders of metrics that `scores` lacks are
    removed, because they are of other scores.

    As in the library, the files of the earlier steps in `representation/results/` are copied, and
    `aggregate/evaluation.json` joins everything in `json/`. `num_active_dims` is the number of
    active latents; the library writes another count under that name.

    Args:
        scores: what to write.
        experiment: the experiment's folder, in which `representation/` lies.
        data_name: the library's name of the data set.

    Returns:
        the path of each `aggregate/evaluation.json`.

    Raises:
        InputError: if a file of an earlier step holds something else than the library writes.
        OutputError: if the folder cannot be written.

    Example:
        >>> import tempfile
        >>> from submission.factors import FactorSpace
        >>> from submission.scoring import score_table
        >>> space = FactorSpace(("shape", "size"), (3, 4))
        >>> scores = score_table(space.index_to_factors(range(12)) * 1.0, space, metrics=("mig",))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path] = write_result_files(scores, Path(folder), "toy")
        ...     path.relative_to(folder).as_posix()
        'metrics/mig/results/aggregate/evaluation.json'
    """
    metrics = experiment / ("metrics" if scores.seed == 0 else f"metrics_seed_{scores.seed}")
    with writing(metrics):
        for metric in METRICS.keys() - scores.values().keys():
            shutil.rmtree(metrics / METRICS[metric].folder, ignore_errors=True)
        return _write_all(scores, metrics, experiment / "representation" / "results", data_name)


def _write_all(scores: Scores, metrics: Path, earlier: Path, data_name: str) -> list[Path]:
    """Writes a folder for each metric, with copies of the files of earlier steps."""
    written = []
    for metric in scores.values():
        name = METRICS[metric].folder
        folder, beside = metrics / name, metrics / f".{name}.part"
        shutil.rmtree(beside, ignore_errors=True)
        if earlier.is_dir():
            shutil.copytree(earlier, beside / "results")
        config = {"dataset.name": f"'{data_name}'", **_bindings(metric, scores)}
        _write(beside / "results", config, _values(metric, scores))
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
        written.append(folder / "results" / "aggregate" / f"{STEP}.json")
    return written


def _values(metric: str, scores: Scores) -> dict[str, Any]:
    """Gives the numbers of a metric under the library's names."""
    others = {"num_active_latents": "num_active_dims", metric: METRICS[metric].field}
    return {
        **{
            others.get(name, name): value
            for name, value in vars(getattr(scores, metric)).items()
            if isinstance(value, int | float)
        },
        "elapsed_time": scores.seconds[metric],
        "uuid": str(uuid.uuid4()),
    }


def _bindings(metric: str, scores: Scores) -> dict[str, str]:
    """Gives the settings of a metric as the library's gin bindings."""
    function = METRICS[metric].function
    bindings = {
        "evaluation.name": f"'{METRICS[metric].folder}'",
        "evaluation.random_seed": str(scores.seed),
        "evaluation.evaluation_fn": f"@{function}",
    }
    for name, value in sorted(vars(getattr(scores.settings, metric)).items()):
        if name == "num_bins":
            bindings["discretizer.discretizer_fn"] = "@histogram_discretizer"
        place = {"num_bins": "discretizer", "prune_threshold": "prune_dims"}.get(name, function)
        bindings[f"{place}.{name.removeprefix('prune_')}"] = str(value)
    if metric == "sap":
        bindings["sap_score.continuous_factors"] = "False"
    return bindings


def _write(results: Path, config: dict[str, str], values: dict[str, Any]) -> None:
    """Writes one step's settings and numbers, and joins all steps'."""
    settings = results / "gin" / f"{STEP}.gin"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("".join(f"{key} = {value}\n" for key, value in config.items()))
    write_json(results / "json" / f"{STEP}_config.json", config)
    write_json(results / "json" / f"{STEP}_results.json", values)
    joined = {
        f"{file.stem}.{key}": value
        for file in sorted((results / "json").glob("*.json"))
        for key, value in _read(file).items()
    }
    write_json(results / "aggregate" / f"{STEP}.json", joined)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"expected a JSON object in representation/results/json/{file.name}, got "
            f"{one_line(error)}; correct the file or delete it"
        ) from error
