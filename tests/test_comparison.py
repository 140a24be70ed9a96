import csv
import json
from pathlib import Path

import numpy as np
import pytest

from submission.factors import FactorSpace
from submission.files import write_json
from submission.report.comparison import compare_experiments, read_scores, scores_path
from submission.scoring import Settings, score_table
from submission.scoring.reference import perfect_codes
from submission.scoring.settings import (
    DciSettings,
    FactorVaeSettings,
    IrsSettings,
    MigSettings,
    SapSettings,
)

SPACE = FactorSpace(("a", "b"), (3, 4))
SMALL = Settings(
    FactorVaeSettings(num_variance_estimate=50, num_train=50, num_eval=20, batch_size=8),
    DciSettings(num_train=60, num_test=30),
    SapSettings(num_train=60, num_test=30),
    IrsSettings(num_train=60),
    MigSettings(num_train=60),
)


@pytest.fixture(scope="module")
def experiments(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Makes two trainings, the first scored with two seeds."""
    folder = tmp_path_factory.mktemp("shared")
    for training, seeds in (("one", (0, 1)), ("two", (0,))):
        for seed in seeds:
            codes = perfect_codes(SPACE, noise=0.5, seed=len(training + training[0]))
            scores = score_table(codes, SPACE, seed, settings=SMALL)
            path = scores_path(folder / training / "representation", seed)
            write_json(path, {"details": scores.to_dict()})
    return [folder / "one", folder / "two"]


def test_every_seed_of_an_experiment_is_read(experiments: list[Path]) -> None:
    assert sorted(scores.seed for scores in read_scores(experiments[0])) == [0, 1]


def test_means_and_spreads_come_as_text_json_and_csv(
    experiments: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_experiments(experiments, output=tmp_path)
    printed = capsys.readouterr().out
    assert "paper, stage 2" in printed
    assert "leaderboard" in printed
    rows = {row["name"]: row for row in json.loads((tmp_path / "comparison.json").read_text())}
    values = [scores.values()["mig"] for scores in read_scores(experiments[0])]
    assert rows["one"]["mig"]["mean"] == pytest.approx(np.mean(values))
    assert rows["one"]["mig"]["std"] == pytest.approx(np.std(values, ddof=1))
    assert rows["two"]["mig"]["std"] is None
    with (tmp_path / "comparison.csv").open(newline="") as file:
        assert {row["name"] for row in csv.DictReader(file)} == set(rows)
    assert (tmp_path / "comparison.txt").read_text() in printed


def test_trainings_of_one_entry_share_a_row(
    experiments: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_experiments(experiments, together="ours", output=tmp_path)
    assert "ours" in capsys.readouterr().out
    rows = {row["name"]: row for row in json.loads((tmp_path / "comparison.json").read_text())}
    means = [
        np.mean([scores.values()["mig"] for scores in read_scores(path)]) for path in experiments
    ]
    assert rows["ours"]["mig"]["mean"] == pytest.approx(np.mean(means))
    assert "one" not in rows


def test_what_was_not_scored_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="local_evaluation"):
        compare_experiments([tmp_path / "none"])
    write_json(scores_path(tmp_path / "x/representation", 0), {"details": {"seed": 0}})
    with pytest.raises(ValueError, match=r"expected scores in .*scores\.json"):
        compare_experiments([tmp_path / "x"])
