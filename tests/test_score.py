"""`python -m submission score`: codes of any model in, scores out."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from submission.cli import main
from submission.errors import InputError
from submission.factors import FactorSpace
from submission.job.code_report import write_code_report
from submission.job.score import GridPoints, Sample, score_codes
from submission.scoring.code_files import read_codes
from tests.blocked import run_without

RANDOM = np.random.default_rng(0)
FACTORS = RANDOM.integers(0, (3, 4), size=(600, 2))
CODES = (FACTORS + 0.1 * RANDOM.normal(size=FACTORS.shape)).astype(np.float32)
FACTOR_GRID = FactorSpace(("size", "shape", "colour"), (3, 4, 2))
QUICK = ("--metric", "irs", "--metric", "mig")

Write = Callable[[Path, Any, Any], Path]


def write_npz(folder: Path, codes: Any, factors: Any) -> Path:
    path = folder / "codes.npz"
    np.savez(path, codes=codes, factors=factors)
    return path


def write_safetensors(folder: Path, codes: Any, factors: Any) -> Path:
    path = folder / "codes.safetensors"
    save_file({"z": np.ascontiguousarray(codes), "labels": np.ascontiguousarray(factors)}, path)
    return path


def write_csv(folder: Path, codes: Any, factors: Any) -> Path:
    path = folder / "codes.csv"
    lines = [",".join([*(f"z{c}" for c in range(codes.shape[1])), "factor:size", "factor:shape"])]
    for code, values in zip(codes.tolist(), factors.tolist(), strict=True):
        lines.append(",".join(map(repr, [*code, *values])))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("write", [write_npz, write_safetensors, write_csv])
def test_a_file_gives_back_its_codes_and_factors(tmp_path: Path, write: Write) -> None:
    found = read_codes(write(tmp_path, CODES, FACTORS))
    np.testing.assert_array_equal(found.codes, CODES)
    assert found.factors is not None
    np.testing.assert_array_equal(found.factors, FACTORS)
    assert len(found.names) == 2


@pytest.mark.parametrize("write", [write_npz, write_safetensors, write_csv])
def test_factors_may_lie_in_a_second_file(tmp_path: Path, write: Write) -> None:
    np.save(tmp_path / "codes.npy", CODES)
    second = write(tmp_path, CODES, FACTORS)
    found = read_codes(tmp_path / "codes.npy", second, ["size", "shape"])
    assert found.factors is not None
    np.testing.assert_array_equal(found.factors, FACTORS)
    assert found.names == ("size", "shape")


def test_a_second_file_may_be_all_factors(tmp_path: Path) -> None:
    np.save(tmp_path / "codes.npy", CODES)
    np.save(tmp_path / "factors.npy", FACTORS)
    lines = [f"{'ab'[size % 2]}{size},{shape}" for size, shape in FACTORS]
    (tmp_path / "factors.csv").write_text("size,shape\n" + "\n".join(lines))
    for name, names in (("npy", ("factor 0", "factor 1")), ("csv", ("size", "shape"))):
        found = read_codes(tmp_path / "codes.npy", tmp_path / f"factors.{name}")
        assert found.names == names
        assert found.factors is not None
        assert len(np.unique(found.factors[:, 0])) == 3
        np.testing.assert_array_equal(found.factors[:, 1], FACTORS[:, 1])


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("float16", "float32"), ("float32", "float32"), ("float64", "float64"), ("int8", "float64")],
)
def test_codes_of_every_precision_keep_their_values(tmp_path: Path, kind: str, kept: str) -> None:
    codes = CODES.astype(kind)
    found = read_codes(write_npz(tmp_path, codes, FACTORS))
    assert found.codes.dtype == kept
    np.testing.assert_array_equal(found.codes, codes)


def with_value(value: float) -> Any:
    codes = CODES.copy()
    codes[17, 1] = value
    return codes


def with_factor(value: float) -> Any:
    factors = FACTORS.astype(np.float64)
    factors[17, 1] = value
    return factors


@pytest.mark.parametrize("write", [write_npz, write_safetensors, write_csv])
@pytest.mark.parametrize(
    ("codes", "factors", "got"),
    [
        (with_value(np.nan), FACTORS, "nan"),
        (with_value(-np.inf), FACTORS, "-inf"),
        (with_value(1e30), FACTORS, r"1(\.\d+)?e\+30"),
        (CODES, with_factor(-1), r"-1\.0"),
        (CODES, with_factor(0.5), r"0\.5"),
        (CODES, with_factor(np.nan), "nan"),
    ],
    ids=["NaN", "infinite", "huge", "negative factor", "fractional factor", "no factor"],
)
def test_a_bad_cell_is_named(
    tmp_path: Path, write: Write, codes: Any, factors: Any, got: str
) -> None:
    path = write(tmp_path, codes, factors)
    with pytest.raises(InputError, match=rf"{got} in row 17, column (1|z1|shape) of .*{path}"):
        read_codes(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("z0,z1\n1,2\n3,four\n", "'four' in row 1, column z1"),
        ("z0,z1\n1,2\n3,\n", "nan in row 1, column z1"),
        ("z0,z1\n1,2\n3,4,5\n", "line 3"),
        ("z0,z0\n1,2\n", "'z0' in column 1"),
        (",z0\n0,2\n1,4\n", "index=False"),
        ("0,1\n2,2\n3,4\n", "first line of .* 0,1, .* add a first line"),
        ("z0,z1\n", "names only"),
        ("", "codes.csv"),
        ("z0,factor:size\n1,2\n3,large\n", "'large' in row 1, column size"),
        ("factor:size\n1\n", "factors only"),
    ],
)
def test_a_bad_csv_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "codes.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_codes(path)
    assert str(path) in str(caught.value)


def test_a_csv_file_without_names_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("0.5,1\n2,3\n")
    assert read_codes(path).codes.tolist() == [[0.5, 1.0], [2.0, 3.0]]


def write_pickle(folder: Path) -> Path:
    path = folder / "codes.npy"
    np.save(path, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    return path


def write_cut(folder: Path) -> Path:
    path = write_npz(folder, CODES, FACTORS)
    path.write_bytes(path.read_bytes()[:3000])
    return path


def write_arrays(name: str, **arrays: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.savez(folder / name, **arrays)
        return folder / name

    return write


def write_text(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text("codes")
        return folder / name

    return write


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (write_pickle, "codes.npy"),
        (write_cut, "codes.npz"),
        (write_text("codes.safetensors"), "codes.safetensors"),
        (write_text("codes.pt"), r"\.npz.*codes\.pt"),
        (write_arrays("a.npz", a=CODES, b=CODES), "codes.*got a, b"),
        (write_arrays("a.npz", a=CODES, factors=FACTORS, labels=FACTORS), "both"),
        (write_arrays("a.npz", a=CODES[:, :, None, None]), r"\(600, 2, 1, 1\)"),
        (write_arrays("a.npz", a=CODES + 1j), "complex"),
        (write_arrays("a.npz", codes=CODES, factors=FACTORS[:9]), "600 rows.*got 9"),
        (write_arrays("a.npz", codes=CODES[:9].T, factors=FACTORS[:9]), "transposed"),
        (write_arrays("a.npz", codes=CODES, factors=FACTORS, factor_names=["a"]), "2 different"),
    ],
)
def test_a_file_that_cannot_be_scored_is_named(
    tmp_path: Path, write: Callable[[Path], Path], words: str
) -> None:
    path = write(tmp_path)
    with pytest.raises(InputError, match=words) as caught:
        read_codes(path)
    assert str(path) in str(caught.value)


def test_a_bf16_file_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file as save

    path = tmp_path / "codes.safetensors"
    save({"codes": torch.ones(4, 2, dtype=torch.bfloat16)}, path)
    with pytest.raises(InputError, match=r"codes\.safetensors"):
        read_codes(path)


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
        ("hub", "huggingface_hub", "hub"),
    ],
)
def test_a_missing_optional_package_is_named_in_one_line(
    command: str, package: str, extra: str
) -> None:
    program = "from submission.cli import main; sys.exit(main(sys.argv[1:]))"
    done = run_without([package], program, command)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert package in line
    assert f"[{extra}]" in line
    assert done.returncode == 1
