"""Result files of disentanglement_lib stand beside our experiments."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from submission.commands.compare import compare
from submission.errors import InputError, MissingFileError
from submission.scoring import score_table
from submission.scoring.metrics.catalogue import METRICS
from submission.scoring.published import read_published
from submission.scoring.reference import perfect_codes
from submission.scoring.result_files import write_result_files
from submission.scoring.text_tables import OTHER_IMAGES
from tests.test_comparison import SMALL, SPACE, add_training

FUNCTION = "evaluation_config.evaluation.evaluation_fn"


def write(folder: Path, function: str, **results: Any) -> Path:
    """Writes a file as the library's `evaluate` does, which spells NaN and infinity so too."""
    path = folder / "results/aggregate/evaluation.json"
    path.parent.mkdir(parents=True)
    content = {
        FUNCTION: function,
        "evaluation_config.dataset.name": "'dsprites_full'",
        **{f"evaluation_results.{name}": value for name, value in results.items()},
    }
    path.write_text(json.dumps(content))
    return path


def test_every_score_is_found_in_files_as_the_library_writes_them(tmp_path: Path) -> None:
    scores = score_table(perfect_codes(SPACE, noise=0.5, seed=3), SPACE, settings=SMALL)
    write_result_files(scores, tmp_path, "mpi3d_toy")  # test_scoring_result_files.py compares them
    found = read_published(tmp_path / "metrics")
    assert found.entry.scores == scores.values()
    assert found.entry.data == "mpi3d_toy"
    assert found.left_out == ()
    one = read_published(
        tmp_path / "metrics" / METRICS["irs"].folder / "results/aggregate/evaluation.json"
    )
    assert one.entry.scores == {"irs": scores.values()["irs"]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "NaN", "high", None, True, 99.2, []])
def test_what_is_no_score_is_left_out_and_named(tmp_path: Path, value: Any) -> None:
    path = write(tmp_path / "sap", "@sap_score", SAP_score=value)
    write(tmp_path / "mig", "@mig", discrete_mig=0.25)
    found = read_published(tmp_path)
    assert found.entry.scores == {"mig": 0.25}
    (line,) = found.left_out
    assert str(path) in line
    assert "SAP_score" in line
    assert str(value) in line


def test_a_metric_is_told_by_its_function(tmp_path: Path) -> None:
    beta = write(tmp_path / "a", "@beta_vae_sklearn", eval_accuracy=0.5)
    write(tmp_path / "b", "@scope/factor_vae.factor_vae_score", eval_accuracy=0.75)
    found = read_published(tmp_path)
    assert found.entry.scores == {"factor_vae": 0.75}
    (line,) = found.left_out
    assert str(beta) in line
    assert "beta_vae_sklearn" in line


def test_two_representations_are_not_mixed(tmp_path: Path) -> None:
    write(tmp_path / "metrics/mean/mig", "@mig", discrete_mig=0.25)
    write(tmp_path / "metrics/sampled/mig", "@mig", discrete_mig=0.2)
    with pytest.raises(InputError, match=r"one score of mig.*mean/mig.*sampled/mig.*name the fold"):
        read_published(tmp_path)
    assert read_published(tmp_path / "metrics/mean").entry.scores == {"mig": 0.25}


def test_what_is_no_result_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=rf"evaluation\.json.*{tmp_path}.*name the folder"):
        read_published(tmp_path)
    path = write(tmp_path, "@mig")
    for content in ("{", "[1]", "{}", '{"evaluation_config.evaluation.evaluation_fn": 3}'):
        path.write_text(content)
        with pytest.raises(InputError, match=str(path)):
            read_published(tmp_path)


def test_published_runs_stand_beside_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AICROWD_OUTPUT_PATH", str(tmp_path / "shared"))
    add_training(tmp_path / "shared/ours", b"1", (0,))
    write(Path("theirs/dci"), "@dci", disentanglement=0.4375, completeness=0.5)
    write(Path("theirs/mig"), "@mig", discrete_mig=float("nan"))
    words = ["ours", "--published", "theirs", "--output", "out"]
    done = CliRunner().invoke(compare, words, catch_exceptions=False)
    (row,) = [line for line in done.output.splitlines() if line.startswith("theirs  ")]
    assert row.split() == ["theirs", "-", "0.438", "-", "-", "-", *OTHER_IMAGES.split()]
    assert "theirs: scores on dsprites_full" in done.output
    assert "left out theirs/mig/results/aggregate/evaluation.json" in done.output
    rows = {row["name"]: row for row in json.loads(Path("out/comparison.json").read_text())}
    assert rows["theirs"] == {"name": "theirs", "dci": {"mean": 0.4375, "std": None}}
    assert "ours" in rows
