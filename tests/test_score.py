"""`python -m submission score`: codes of any model in, scores out."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from submission.cli import main
from submission.factors import FactorSpace
from submission.files import locked
from submission.job.code_report import write_code_report
from submission.job.score import GridPoints, Sample, score_codes
from tests.blocked import run_without
from tests.code_files import CODES, FACTORS, write_npz

FACTOR_GRID = FactorSpace(("size", "shape", "colour"), (3, 4, 2))
QUICK = ("--metric", "irs", "--metric", "mig")


def test_scores_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_npz(tmp_path, CODES, FACTORS)
    words = [*QUICK, "--metric", "infomec", "--seed", "0", "--seed", "1", "--names", "size,shape"]
    assert main(["score", str(path), *words, "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "±" in printed
    assert "InfoMEC" in printed
    content = json.loads((tmp_path / "out/scores.json").read_text())
    seeds = [scores["seed"] for scores in content["details"]]
    assert seeds == [0, 1]
    assert content["details"][0]["factor_names"] == ["size", "shape"]
    with (tmp_path / "out/scores.csv").open(newline="") as file:
        lines = {line["metric"]: line for line in csv.DictReader(file)}
    both = [float(lines["irs"]["seed_0"]), float(lines["irs"]["seed_1"])]
    assert float(lines["irs"]["mean"]) == pytest.approx(np.mean(both))
    assert float(lines["irs"]["std"]) == pytest.approx(np.std(both, ddof=1))
    assert content["scores"]["mig"] == float(lines["mig"]["mean"])
    assert content["infomec"]["modularity"] == float(lines["infomec_modularity"]["mean"])

    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert f"{content['infomec']['modularity']:.3f}" in page
    (row,) = re.findall(r'<tr class="ours">.*?</tr>', page, re.DOTALL)
    assert "0, 1" in row
    assert f"{np.mean(both):.3f} <small>± {np.std(both, ddof=1):.3f}" in row
    for text in (printed, row):
        assert f"{min(both):.3f} to {max(both):.3f}" in text
    assert "perfect code" in page
    figures = {path.stem for path in (tmp_path / "out/figures").iterdir()}
    assert {"matrix_mig", "violins", "dependence", "confusion_size", "latent_z01"} <= figures


def test_a_name_that_is_no_text_is_written_escaped(tmp_path: Path) -> None:
    path = write_npz(tmp_path, CODES, FACTORS).rename(tmp_path / "c\udcff.npz")
    assert main(["score", str(path), "--metric", "irs", "--output", str(tmp_path / "out")]) == 0
    assert r"c\udcff.npz" in (tmp_path / "out/report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("names", ["size,", "size,\x1b[31m", "a\nb,shape", "\udc80,shape"])
def test_names_of_factors_can_be_printed(
    tmp_path: Path, names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_npz(tmp_path, CODES, FACTORS)
    assert main(["score", str(path), "--metric", "irs", "--names", names]) == 1
    assert "can be printed" in capsys.readouterr().err


def test_two_runs_do_not_mix_their_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_npz(tmp_path, CODES, FACTORS)
    with locked(tmp_path / "out", "another"):
        assert main(["score", str(path), *QUICK, "--output", str(tmp_path / "out")]) == 1
    assert "another" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("grid", ["4,24,183", "cars3d"])
def test_a_grid_needs_no_factors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], grid: str
) -> None:
    np.save(tmp_path / "codes.npy", np.random.default_rng(0).normal(size=(4 * 24 * 183, 2)))
    assert main(["score", str(tmp_path / "codes.npy"), "--grid", grid, "--metric", "mig"]) == 0
    assert ("azimuth" in capsys.readouterr().out) == (grid == "cars3d")


def test_a_grid_is_scored_as_a_table_and_the_same_rows_as_a_sample_say_so() -> None:
    grid = GridPoints(FACTOR_GRID)
    codes = grid.factors().astype(np.float64)
    sample = Sample(grid.factors(), FACTOR_GRID.names)
    path = Path("codes.npy")
    assert score_codes(path, codes, grid, (0,), ("irs",)).scores[0].kind == "table"
    found = score_codes(path, codes, sample, (0,), ("irs",))
    assert found.scores[0].kind == "samples"
    assert "--grid 3,4,2" in found.text()
    shuffled = Sample(sample.values[::-1], FACTOR_GRID.names)
    assert not shuffled.is_grid()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "--factors FILE"),
        (["--grid", "3,4"], "3 x 4 = 12.*600"),
        (["--grid", "mpi3d_real"], "1,036,800.*600"),
        (["--grid", "mpi4d"], "mpi3d_real.*'mpi4d'"),
        (["--grid", "standin_real"], "--names object_color"),
        (["--grid", "20,30", "--names", "a"], "'a'"),
        (["--grid", "cars3d", "--names", "a"], "names a"),
        (["--factors", "codes.npy", "--names", "a"], "codes.npy"),
        (["--grid", "600", "--seed", "1", "--seed", "1"], "seeds"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("codes.npy", CODES)
    assert main(["score", "codes.npy", *QUICK, *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(expected, line), line


def test_factors_and_a_grid_exclude_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_npz(tmp_path, CODES, FACTORS)
    assert main(["score", str(path), "--grid", "20,30"]) == 1
    assert "--grid 20,30" in capsys.readouterr().err


def test_scoring_needs_none_of_the_optional_packages(tmp_path: Path) -> None:
    path = write_npz(tmp_path, CODES, FACTORS)
    optional = ("torch", "torchvision", "lightning_fabric", "tensorboard", "tensorflow")
    program = "from submission.cli import main; sys.exit(main(sys.argv[1:]))"
    more = ("matplotlib", "jinja2", "redis", "packaging")
    done = run_without([*optional, *more], program, "score", str(path), *QUICK)
    assert done.returncode == 0, done.stderr
    assert "IRS" in done.stdout


def test_without_the_reports_packages_the_scores_are_written(tmp_path: Path) -> None:
    path = write_npz(tmp_path, CODES, FACTORS)
    program = "from submission.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ("score", str(path), "--metric", "irs", "--output", str(tmp_path / "out"))
    done = run_without(["jinja2"], program, *words)
    assert done.returncode == 0, done.stderr
    assert "jinja2" in done.stdout
    assert "[report]" in done.stdout
    assert (tmp_path / "out/scores.json").is_file()
    assert not (tmp_path / "out/report.html").exists()


def test_a_report_of_a_grid_with_hidden_and_single_factors(tmp_path: Path) -> None:
    space = FactorSpace(("size", "one", "shape", "instance"), (3, 1, 4, 5))
    points = GridPoints(space, ("instance",))
    codes = space.index_to_factors(np.arange(space.num_points)).astype(np.float64)
    found = score_codes(tmp_path / "codes.npy", codes, points, (0,), ("mig",))
    page = write_code_report(found, codes, points, tmp_path / "out").read_text(encoding="utf-8")
    assert "shape by z2: 1.000" in page
    assert "size by z0: 1.000" in page
    assert "instance by" not in page


def test_a_report_of_a_single_factor(tmp_path: Path) -> None:
    points = Sample(FACTORS[:, :1], ("size",))
    found = score_codes(tmp_path / "codes.npy", CODES, points, (0,), ("mig",))
    page = write_code_report(found, CODES, points, tmp_path / "out").read_text(encoding="utf-8")
    assert "size by z0: 1.000" in page
    assert "perfect code" not in page


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        ("train", "redis", "training"),
        ("finetune", "torch", "training"),
        ("report", "jinja2", "report"),
        ("hub user/name", "huggingface_hub", "hub"),
    ],
)
def test_a_missing_optional_package_is_named_in_one_line(
    command: str, package: str, extra: str
) -> None:
    program = "from submission.cli import main; sys.exit(main(sys.argv[1:]))"
    done = run_without([package], program, *command.split())
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert package in line
    assert f"[{extra}]" in line
    assert done.returncode == 1
