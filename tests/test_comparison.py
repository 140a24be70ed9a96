import csv
import json
from pathlib import Path

import numpy as np
import pytest

from submission.errors import InputError, MissingFileError
from submission.factors import FactorSpace
from submission.files import sha256_of, write_json
from submission.report.comparison import compare_experiments, read_scores
from submission.report.results import Result, joined, read_result, scores_path, write_result
from submission.scoring import Settings, score_table
from submission.scoring.leaderboard import Entry, load_pool
from submission.scoring.metrics.catalogue import ALL_METRICS
from submission.scoring.reference import perfect_codes
from submission.scoring.results import Source
from submission.scoring.settings import (
    DciSettings,
    FactorVaeSettings,
    IrsSettings,
    MigSettings,
    SapSettings,
)
from submission.scoring.text_tables import OTHER_IMAGES, Row

SPACE = FactorSpace(("a", "b"), (3, 4))
SMALL = Settings(
    FactorVaeSettings(num_variance_estimate=50, num_train=50, num_eval=20, batch_size=8),
    DciSettings(num_train=60, num_test=30),
    SapSettings(num_train=60, num_test=30),
    IrsSettings(num_train=60),
    MigSettings(num_train=60),
)


CODES = perfect_codes(SPACE, noise=0.5, seed=3)


def result_of(
    model: Path, seed: int = 0, metrics: tuple[str, ...] = ALL_METRICS, made_by: str = "file"
) -> Result:
    """Scores codes as those of a model file."""
    source = Source("grid", "d" * 64, sha256_of(model), "c" * 64)
    codes = CODES + len(model.read_bytes()) / 10
    scores = score_table(codes, SPACE, seed, metrics, settings=SMALL, source=source)
    rows = (Row("ours", scores.values()), Row("perfect code", dict.fromkeys(metrics, 1.0)))
    return Result(scores, rows, {"name": "grid"}, {"made_by": made_by}, {"codes": 1.5})


def add_training(folder: Path, model: bytes, seeds: tuple[int, ...]) -> Path:
    """Writes a model file and its scores."""
    path = folder / "representation" / "pytorch_model.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model)
    for seed in seeds:
        write_result(result_of(path, seed), scores_path(path.parent, seed))
    return folder


@pytest.fixture(scope="module")
def experiments(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Makes two trainings, the first scored with two seeds."""
    folder = tmp_path_factory.mktemp("shared")
    return [
        add_training(folder / "one", b"1", (0, 1)),
        add_training(folder / "two", b"22", (0,)),
    ]


def test_every_seed_of_an_experiment_is_read(experiments: list[Path]) -> None:
    assert sorted(scores.seed for scores in read_scores(experiments[0])) == [0, 1]


def test_means_and_spreads_come_as_text_json_and_csv(
    experiments: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_experiments(experiments, None, load_pool(), tmp_path)
    printed = capsys.readouterr().out
    board = printed[printed.index("leaderboard on ") :]
    assert "paper, stage 2" in printed
    assert "paper, stage 2" not in board  # scored on other images, so not ranked beside these
    assert "one" in board
    assert "two" in board
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
    compare_experiments(experiments, "ours", load_pool(), tmp_path)
    assert "ours" in capsys.readouterr().out
    rows = {row["name"]: row for row in json.loads((tmp_path / "comparison.json").read_text())}
    means = [
        np.mean([scores.values()["mig"] for scores in read_scores(path)]) for path in experiments
    ]
    assert rows["ours"]["mig"]["mean"] == pytest.approx(np.mean(means))
    assert "one" not in rows


def test_two_experiments_of_one_name_are_refused(experiments: list[Path], tmp_path: Path) -> None:
    other = add_training(tmp_path / "one", b"333", (0,))
    with pytest.raises(InputError, match=r"different names.*one, one"):
        compare_experiments([experiments[0], other], None, load_pool(), None)


@pytest.mark.parametrize("content", [b"name,kind\xff\n", b"a,b,c\n"])
def test_a_pool_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pool.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        load_pool(path)


def test_what_was_not_scored_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trained/training").mkdir(parents=True)
    with pytest.raises(MissingFileError, match=r"AICROWD_EVALUATION_NAME=trained.*evaluation"):
        compare_experiments([tmp_path / "trained"], None, load_pool(), None)
    write_json(scores_path(tmp_path / "x/representation", 0), {"details": {"seed": 0}})
    with pytest.raises(InputError, match=r"scores\.json.*local_evaluation"):
        compare_experiments([tmp_path / "x"], None, load_pool(), None)


@pytest.mark.parametrize(("name", "hint"), [("traned", "did you mean trained"), ("x", "trained")])
def test_a_run_that_is_not_there_is_told_which_are(tmp_path: Path, name: str, hint: str) -> None:
    (tmp_path / "trained/training").mkdir(parents=True)
    with pytest.raises(MissingFileError, match=f"{tmp_path / name}, got none; .*{hint}"):
        compare_experiments([tmp_path / name], None, load_pool(), None)


def test_files_of_one_name_are_ranked_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [add_training(tmp_path / name, b"1", (0,)) for name in ("a", "b", "c")]
    for folder, kind in zip(folders, "ddo", strict=True):
        path = scores_path(folder / "representation", 0)
        path.write_text(path.read_text().replace("d" * 64, kind * 64))
    compare_experiments(folders, None, [], None)
    printed = capsys.readouterr().out
    assert printed.count("leaderboard on ") == 1
    board = printed[printed.index("leaderboard on grid, file dddddddd") :].splitlines()
    assert len([line for line in board if line.split()[1:2] in (["a"], ["b"])]) == 2
    assert not [line for line in board if line.split()[1:2] == ["c"]]


def test_files_of_a_published_set_are_ranked_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same images lie in packed and unpacked files."""
    folders = [add_training(tmp_path / name, b"1", (0,)) for name in ("a", "b")]
    path = scores_path(folders[0] / "representation", 0)
    path.write_text(path.read_text().replace("d" * 64, "e" * 64))
    theirs = Entry("theirs", dict.fromkeys(ALL_METRICS, 0.5), data="grid")
    compare_experiments(folders, None, [theirs], None)
    printed = capsys.readouterr().out
    assert OTHER_IMAGES not in printed
    board = printed[printed.index("leaderboard on grid (") :].splitlines()
    assert {line.split()[1] for line in board[2:5]} == {"a", "b", "theirs"}


def test_copies_under_other_names_are_no_scores(tmp_path: Path) -> None:
    representation = add_training(tmp_path / "x", b"1", (0, 2, 10)) / "representation"
    for name in ("scores copy.json", "scores_seed_2 (1).json", "scores_seed_02.json"):
        (representation / name).write_bytes((representation / "scores.json").read_bytes())
    assert [scores.seed for scores in read_scores(tmp_path / "x")] == [0, 2, 10]


def test_a_run_that_has_not_ended_is_called_so(tmp_path: Path) -> None:
    started = tmp_path / "mine/training/started.gin"
    started.parent.mkdir(parents=True)
    started.touch()
    with pytest.raises(MissingFileError, match=r"not ended.*started\.gin.*run\.sh .* mine"):
        read_scores(tmp_path / "mine")


def test_scores_of_a_replaced_model_are_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = add_training(tmp_path / "x", b"before", (0, 1))
    before = sha256_of(experiment / "representation/pytorch_model.pt")[:12]
    add_training(experiment, b"after", (1,))
    assert [scores.seed for scores in read_scores(experiment)] == [1]
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1
    assert "scores.json" in printed[0]
    assert before in printed[0]
    (experiment / "representation/pytorch_model.pt").write_bytes(b"a third model")
    with pytest.raises(InputError, match=rf"scores\.json.*{before}.*scores_seed_1.*local_eval"):
        read_scores(experiment)
    (experiment / "representation/pytorch_model.pt").unlink()
    with pytest.raises(InputError, match=r"no model at .*pytorch_model\.pt"):
        read_scores(experiment)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "pytorch_model.pt"
    path.write_bytes(b"a model")
    return path


def test_a_result_is_read_back_as_it_was_written(model: Path, tmp_path: Path) -> None:
    result = result_of(model)
    write_result(result, tmp_path / "scores.json")
    again = read_result(tmp_path / "scores.json")
    assert again.scores.to_dict() == result.scores.to_dict()
    assert (again.rows, again.data, again.codes, again.seconds) == (
        result.rows,
        result.data,
        result.codes,
        result.seconds,
    )


def test_metrics_of_an_earlier_evaluation_are_kept(model: Path) -> None:
    both = joined(result_of(model, metrics=("mig",)), result_of(model, metrics=("mig", "irs")))
    whole = result_of(model, metrics=("irs", "mig"))
    assert both is not None
    assert both.scores.values() == whole.scores.values()
    assert [row.means for row in both.rows] == [row.means for row in whole.rows]
    assert set(both.scores.seconds) == {"irs", "mig"}


def test_metrics_of_other_things_are_not_kept(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pt"
    other.write_bytes(b"another model")
    new = result_of(model, metrics=("mig",))
    assert joined(new, result_of(model)) is not None
    assert joined(new, result_of(other)) is None
    assert joined(new, result_of(model, seed=1)) is None
    assert joined(new, result_of(model, made_by="training")) is None


@pytest.mark.parametrize(("data", "comparable"), [("grid", True), ("mpi3d_real", False)])
def test_scores_on_other_images_say_so(
    experiments: list[Path], capsys: pytest.CaptureFixture[str], data: str, comparable: bool
) -> None:
    entry = Entry("theirs", dict.fromkeys(ALL_METRICS, 0.5), data=data)
    compare_experiments(experiments, None, [entry], None)
    (line, *_) = (line for line in capsys.readouterr().out.splitlines() if "theirs" in line)
    assert line.endswith(OTHER_IMAGES) is not comparable
