"""Result files as disentanglement_lib writes them, so that its tools and others read ours."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from submission.files import write_json
from submission.scoring.scores import Scores
from submission.scoring.settings import Settings

__all__ = ["KIT_NAMES", "write_result_files"]

KIT_NAMES = {
    "factor_vae": "factor_vae_metric",
    "dci": "dci",
    "sap": "sap_score",
    "irs": "irs",
    "mig": "mig",
}
"""The starter kit's names of the metrics, and of their folders."""

STEP = "evaluation"


def write_result_files(
    scores: Scores, experiment: Path, data_name: str | None = None
) -> list[Path]:
    """Writes `metrics/<name>/results/` for each metric there is, in place of what stood there.

    The folder is `metrics_seed_1` for seed 1, and so on. Folders of metrics that `scores` lacks are
    removed, because they are of other scores.

    As the library does, the files of the earlier steps in `representation/results/` come along,
    and `aggregate/evaluation.json` joins everything in `json/`. `num_active_dims` is our count of
    active latents; the library's own number under that name counts something else.

    Args:
        scores: what to write.
        experiment: the experiment's folder, in which `representation/` lies.
        data_name: the library's name of the data set; the scores' source's if None.

    Returns:
        the path of each `aggregate/evaluation.json`.

    Raises:
        OSError: if the folder cannot be written.
    """
    if data_name is None:
        data_name = scores.source.data_name if scores.source else "auto"
    metrics = experiment / ("metrics" if scores.seed == 0 else f"metrics_seed_{scores.seed}")
    for metric in KIT_NAMES.keys() - scores.values().keys():
        shutil.rmtree(metrics / KIT_NAMES[metric], ignore_errors=True)
    written = []
    for metric in scores.values():
        name = KIT_NAMES[metric]
        folder = metrics / name
        beside = metrics / f".{name}.part"
        shutil.rmtree(beside, ignore_errors=True)
        results = beside / "results"
        earlier = experiment / "representation" / "results"
        if earlier.is_dir():
            shutil.copytree(earlier, results)
        config = {
            "dataset.name": f"'{data_name}'",
            "evaluation.name": f"'{name}'",
            "evaluation.random_seed": str(scores.seed),
            **_bindings(metric, scores.settings),
        }
        _write(results, config, _results(metric, scores))
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
        written.append(folder / "results" / "aggregate" / f"{STEP}.json")
    return written


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
        for key, value in json.loads(file.read_text()).items()
    }
    write_json(results / "aggregate" / f"{STEP}.json", joined)


def _bindings(metric: str, settings: Settings) -> dict[str, str]:
    """Writes a metric's settings as the library's gin bindings."""
    bins = {"discretizer.discretizer_fn": "@histogram_discretizer"}
    if metric == "factor_vae":
        return {
            "evaluation.evaluation_fn": "@factor_vae_score",
            "factor_vae_score.batch_size": str(settings.factor_vae.batch_size),
            "factor_vae_score.num_eval": str(settings.factor_vae.num_eval),
            "factor_vae_score.num_train": str(settings.factor_vae.num_train),
            "factor_vae_score.num_variance_estimate": str(
                settings.factor_vae.num_variance_estimate
            ),
            "prune_dims.threshold": str(settings.factor_vae.prune_threshold),
        }
    if metric == "dci":
        return {
            "evaluation.evaluation_fn": "@dci",
            "dci.batch_size": str(settings.dci.batch_size),
            "dci.num_test": str(settings.dci.num_test),
            "dci.num_train": str(settings.dci.num_train),
        }
    if metric == "sap":
        return {
            "evaluation.evaluation_fn": "@sap_score",
            "sap_score.batch_size": str(settings.sap.batch_size),
            "sap_score.continuous_factors": "False",
            "sap_score.num_test": str(settings.sap.num_test),
            "sap_score.num_train": str(settings.sap.num_train),
        }
    if metric == "irs":
        return {
            "evaluation.evaluation_fn": "@irs",
            **bins,
            "discretizer.num_bins": str(settings.irs.num_bins),
            "irs.batch_size": str(settings.irs.batch_size),
            "irs.diff_quantile": str(settings.irs.diff_quantile),
            "irs.num_train": str(settings.irs.num_train),
        }
    return {
        "evaluation.evaluation_fn": "@mig",
        **bins,
        "discretizer.num_bins": str(settings.mig.num_bins),
        "mig.batch_size": str(settings.mig.batch_size),
        "mig.num_train": str(settings.mig.num_train),
    }


def _results(metric: str, scores: Scores) -> dict[str, Any]:
    """Names a metric's numbers as the library does."""
    values: dict[str, Any] = {}
    if metric == "factor_vae" and scores.factor_vae is not None:
        values = {
            "train_accuracy": scores.factor_vae.train_accuracy,
            "eval_accuracy": scores.factor_vae.eval_accuracy,
            "num_active_dims": scores.factor_vae.num_active_latents,
        }
    elif metric == "dci" and scores.dci is not None:
        values = {
            "informativeness_train": scores.dci.informativeness_train,
            "informativeness_test": scores.dci.informativeness_test,
            "disentanglement": scores.dci.disentanglement,
            "completeness": scores.dci.completeness,
        }
    elif metric == "sap" and scores.sap is not None:
        values = {"SAP_score": scores.sap.sap}
    elif metric == "irs" and scores.irs is not None:
        values = {"IRS": scores.irs.irs, "num_active_dims": scores.irs.num_active_latents}
    elif metric == "mig" and scores.mig is not None:
        values = {"discrete_mig": scores.mig.mig}
    return {**values, "elapsed_time": scores.seconds[metric], "uuid": str(uuid.uuid4())}
