"""Result files that disentanglement_lib's own tools read."""

import importlib
import json
import multiprocessing
import warnings
from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import gin
import numpy as np
import pytest

from submission.data.ground_truth import GridData
from submission.errors import InputError, OutputError
from submission.scoring import Scores, score_table
from submission.scoring.library import library
from submission.scoring.metrics.catalogue import METRICS
from submission.scoring.reference import perfect_codes
from submission.scoring.result_files import write_result_files
from tests.few_rows import SETTINGS
from tests.few_rows import THREE_FACTORS as SPACE


def library_module(name: str) -> Any:
    library()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"disentanglement_lib.utils.{name}")


@pytest.fixture(scope="module")
def scores() -> Scores:
    return score_table(perfect_codes(SPACE), SPACE, settings=SETTINGS)


@pytest.fixture
def experiment(scores: Scores, tmp_path: Path) -> Path:
    """An experiment's folder with an earlier step's results and then ours."""
    earlier = tmp_path / "representation" / "results" / "json"
    earlier.mkdir(parents=True)
    (earlier / "train_config.json").write_text('{"dataset.name": "\'patterns\'"}')
    (earlier / "train_results.json").write_text('{"elapsed_time": 1.5}')
    write_result_files(scores, tmp_path, "mpi3d_toy")
    return tmp_path


def test_kit_finds_each_score_where_it_looks(experiment: Path, scores: Scores) -> None:
    fields = {
        "factor_vae_metric": "eval_accuracy",
        "dci": "disentanglement",
        "sap_score": "SAP_score",
        "irs": "IRS",
        "mig": "discrete_mig",
    }
    for metric, value in scores.values().items():
        name = METRICS[metric].folder
        path = experiment / "metrics" / name / "results" / "aggregate" / "evaluation.json"
        content = json.loads(path.read_text())
        assert content[f"evaluation_results.{fields[name]}"] == value
        assert content["train_results.elapsed_time"] == 1.5
        assert content["evaluation_config.dataset.name"] == "'mpi3d_toy'"


def test_librarys_aggregate_tool_reads_them(
    experiment: Path, scores: Scores, monkeypatch: pytest.MonkeyPatch
) -> None:
    aggregate_results = library_module("aggregate_results")
    pattern = experiment / "metrics" / "*" / "results" / "aggregate" / "evaluation.json"
    output = experiment / "all.json"
    with ThreadPool(1) as pool:
        # Its own pool of processes is never closed.
        monkeypatch.setattr(multiprocessing, "Pool", lambda: pool)
        aggregate_results.aggregate_results_to_json(str(pattern), str(output))
    frame = aggregate_results.load_aggregated_json_results(str(output))
    assert len(frame) == 5
    assert frame["evaluation_results.uuid"].nunique() == 5
    by_name = frame.set_index("evaluation_config.evaluation.name")
    mig = by_name.loc["'mig'", "evaluation_results.discrete_mig"]
    assert mig == pytest.approx(scores.values()["mig"])
    assert by_name.loc["'irs'", "evaluation_results.IRS"] == pytest.approx(scores.values()["irs"])


@pytest.fixture
def gin_untouched() -> Iterator[None]:
    kept = [
        (settings, {key: dict(value) for key, value in settings.items()})
        for settings in (gin.config._CONFIG, gin.config._OPERATIVE_CONFIG)
    ]
    yield
    for settings, before in kept:
        settings.clear()
        settings.update(before)


@pytest.mark.usefixtures("gin_untouched")
@pytest.mark.parametrize(
    ("metric", "module", "function"),
    [
        ("factor_vae", "factor_vae", "compute_factor_vae"),
        ("sap", "sap_score", "compute_sap"),
        ("irs", "irs", "compute_irs"),
        ("mig", "mig", "compute_mig"),
    ],
)
def test_files_are_those_the_library_writes(
    experiment: Path, tmp_path: Path, metric: str, module: str, function: str
) -> None:
    results = library_module("results")
    ours = experiment / "metrics" / METRICS[metric].folder / "results"
    gin.config._OPERATIVE_CONFIG.clear()
    with gin.unlock_config():
        # Our own settings file sets the library up to write its own.
        text = (ours / "gin" / "evaluation.gin").read_text()
        gin.parse_config(text, skip_unknown=["dataset", "evaluation"])
    values = getattr(getattr(library(), module), function)(
        GridData(SPACE), perfect_codes(SPACE).__getitem__, np.random.RandomState(0)
    )
    theirs = tmp_path / "theirs"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results.update_result_directory(
            str(theirs),
            "evaluation",
            {**values, "elapsed_time": 0.0},
            str(experiment / "representation" / "results"),
        )
    files = [
        sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        for root in (ours, theirs)
    ]
    assert files[0] == files[1]
    mine, other = (
        json.loads((root / "aggregate" / "evaluation.json").read_text()) for root in (ours, theirs)
    )
    # What the library's own `evaluate` would add around the metric.
    around = {"dataset.name", "evaluation.evaluation_fn", "evaluation.name"}
    around |= {"evaluation.random_seed"}
    assert set(mine) - set(other) == {f"evaluation_config.{key}" for key in around}
    assert set(other) <= set(mine)
    for key in other:
        if key.split(".")[-1] not in ("uuid", "elapsed_time", "num_active_dims"):
            assert mine[key] == pytest.approx(other[key]), key


@pytest.mark.parametrize("content", ["{", "[1]", "null", "\xff"])
def test_a_broken_file_of_an_earlier_step_is_named(
    tmp_path: Path, scores: Scores, content: str
) -> None:
    folder = tmp_path / "representation" / "results" / "json"
    folder.mkdir(parents=True)
    (folder / "train_results.json").write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=r"json/train_results\.json, got .*delete it"):
        write_result_files(scores, tmp_path, "mpi3d_toy")


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path, scores: Scores) -> None:
    (tmp_path / "metrics").touch()
    with pytest.raises(OutputError, match=f"{tmp_path}/metrics, got Not a directory"):
        write_result_files(scores, tmp_path, "mpi3d_toy")


def test_writing_again_replaces_what_stood_there(experiment: Path, scores: Scores) -> None:
    stale = experiment / "metrics" / "mig" / "results" / "stale"
    stale.write_text("")
    written = write_result_files(scores, experiment, "mpi3d_toy")
    assert not stale.exists()
    assert len(written) == 5
    assert all(path.is_file() for path in written)
    assert not list((experiment / "metrics").glob(".*"))
