"""The wheel that a clone builds gives a command that works from any folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


def run(*words: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(words, cwd=cwd, env=variables, capture_output=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(
        ROOT / "submission", source / "submission", ignore=shutil.ignore_patterns("__pycache__")
    )
    build = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index")
    done = run(*build, "--no-build-isolation", "--wheel-dir", folder, source, cwd=folder)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def command(wheel: Path) -> Path:
    """The command in an environment that has the locked packages, and not this clone."""
    folder = wheel.parent / "environment"
    venv.create(folder, symlinks=True)
    python = folder / "bin/python"
    packages = Path(sysconfig.get_path("purelib"))
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "locked.pth").write_text(f"import site; site.addsitedir({str(packages)!r})\n")
    install = (python, "-m", "pip", "install", "--no-deps", "--no-index", wheel)
    done = run(*install, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "bin/disentangle"


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    expected = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "submission").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = set(ZipFile(wheel).namelist())
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert {Path(name).suffix for name in expected} == {".py", ".csv", ".j2", ".json"}


def test_the_command_scores_a_file_from_any_folder(command: Path, tmp_path: Path) -> None:
    factors = np.random.default_rng(0).integers(3, size=(500, 2))
    np.savez(tmp_path / "codes.npz", codes=factors + 0.5, factors=factors)
    words = ("score", "codes.npz", "--metric", "irs", "--metric", "mig", "--output", "scores")
    done = run(command, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "irs,1.0" in (tmp_path / "scores/scores.csv").read_text()


@pytest.mark.parametrize(
    ("words", "way_out"),
    [
        (("settings", "configs/best.gin"), "clone"),
        (("preflight",), "clone"),
        (("data", "check", "standin_real"), "data render"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_lies_in_a_clone_is_asked_for_in_one_line(
    command: Path, tmp_path: Path, words: tuple[str, ...], way_out: str
) -> None:
    done = run(command, *words, cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert way_out in line


def test_usage_names_the_command_that_was_typed(command: Path, tmp_path: Path) -> None:
    assert "Usage: disentangle score" in run(command, "score", "--help", cwd=tmp_path).stdout
