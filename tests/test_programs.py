"""The programs at the top level: the Python that they find, and how they end after a signal."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = ("bash", "cat", "cp", "dirname", "env", "mkdir", "rm", "sleep", "touch")
PROGRAMS = (
    ["train_pytorch.py", "--help"],
    ["local_evaluation.py"],
    ["-m", "submission"],
    ["-m", "experiments"],
)
# Runs as Python 3.8 does, which does not know the words of its command.
OLD = """import runpy, sys
del sys.orig_argv
sys.version_info, sys.argv = (3, 8, 18), sys.argv[1:]
if sys.argv[0] == "-m":
    sys.argv.pop(0)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    runpy.run_path(sys.argv[0], run_name="__main__")
"""

# Stands in for Python and for pip: the packages are there once pip has begun.
PYTHON = """#!/usr/bin/env bash
case "$1 $2" in
  "- "*) cat >/dev/null; [[ -e ${0%/*}/packages ]] ;;
  "-m venv")
    echo "${@:2}" >>"$NOTES"
    [[ $3 != --clear ]] || rm -r "${!#}"
    mkdir -p "${!#}/bin"
    cp "$0" "${!#}/bin/python"
    ;;
  "-m pip") echo pip >>"$NOTES"; touch "${0%/*}/packages"; exit "$PIP_STATUS" ;;
  *) echo "ran $*" >>"$NOTES" ;;
esac
"""
# Stands in for a training that a signal ends in order.
WAITING = """import os, signal, sys, time
def stop(number, frame):
    os.write(1, f"heard {number}\\n".encode())  # print may be what the signal interrupts
    sys.exit(128 + number)
signal.signal(signal.SIGTERM, stop)
if "train" in sys.argv[0]:
    signal.signal(signal.SIGINT, stop)
    print("training", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has the shell's files and nothing installed."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("run.sh", "python.sh", "train_environ.sh"):
        shutil.copy(ROOT / name, folder)
    (folder / "requirements.lock").write_text("")
    (folder / "image").mkdir()
    return folder


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """A machine with a few tools and a Python without packages."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    (tools / "python3.11").write_text(PYTHON)
    (tools / "python3.11").chmod(0o755)
    notes = str(tmp_path / "notes")
    data = {"AICROWD_DATASET_NAME": "mpi3d_real", "HOME": str(tmp_path)}
    return {"PATH": str(tools), "NOTES": notes, "PIP_STATUS": "0", **data}


def test_an_interrupted_installation_is_not_taken_as_whole(
    project: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    first = subprocess.run(
        [project / "run.sh"], env={**variables, "PIP_STATUS": "130"}, check=False
    )
    assert first.returncode == 130
    assert notes.read_text().split() == ["venv", f"{project}/.venv", "pip"]
    notes.unlink()
    subprocess.run([project / "run.sh"], env=variables, check=True)
    began, *rest = notes.read_text().splitlines()
    assert began == f"venv --clear {project}/.venv"
    assert [line.split()[0] for line in rest] == ["pip", "ran", "ran"]
    notes.unlink()
    subprocess.run([project / "run.sh"], env=variables, check=True)
    assert [line.split()[0] for line in notes.read_text().splitlines()] == ["ran", "ran"]


@pytest.mark.parametrize("switch", ["AICROWD_IS_GRADING", "CROWDAI_IS_GRADING"])
def test_while_grading_nothing_is_installed_and_nothing_scored(
    switch: str, project: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    graded = {**variables, switch: ""}
    done = subprocess.run(
        [project / "run.sh"], env=graded, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert done.stderr.startswith("error:")
    assert not (tmp_path / "notes").exists()
    (tmp_path / "tools/packages").touch()
    subprocess.run([project / "run.sh"], env=graded, check=True)
    (line,) = (tmp_path / "notes").read_text().splitlines()
    assert "train_pytorch.py" in line


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_shell_reaches_the_training_and_ends_both(
    kind: signal.Signals, project: Path, variables: dict[str, str]
) -> None:
    (project / "python.sh").write_text(f"PYTHON={sys.executable}; is_grading() {{ false; }}\n")
    for name in ("train_pytorch.py", "local_evaluation.py"):
        (project / name).write_text(WAITING)
    process = subprocess.Popen(
        [project / "run.sh"], env=variables, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "training\n"
    process.send_signal(kind)
    rest, _ = process.communicate(timeout=600)
    assert rest == f"heard {kind.value}\n"
    assert process.returncode == 128 + kind


@pytest.mark.parametrize(
    ("value", "expected"),
    [("~/out", "{home}/out"), (" /out ", "/out"), (" ", "{project}/scratch/shared"), ("~x", "~x")],
)
def test_the_shell_reads_a_path_as_python_does(
    value: str, expected: str, project: Path, variables: dict[str, str]
) -> None:
    words = f'set -u; project={project}; source "$project/train_environ.sh"'
    done = subprocess.run(
        ["bash", "-c", f'{words}; echo "$AICROWD_OUTPUT_PATH"'],
        env={**variables, "AICROWD_OUTPUT_PATH": value},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected.format(home=variables["HOME"], project=project)


@pytest.mark.parametrize("words", PROGRAMS, ids=" ".join)
def test_a_python_without_packages_says_how_to_get_them(words: list[str], tmp_path: Path) -> None:
    for name in ("train_pytorch.py", "local_evaluation.py", "submission", "experiments"):
        (tmp_path / name).symlink_to(ROOT / name)
    # -S leaves the installed packages out.
    done = subprocess.run(
        [sys.executable, "-S", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error:")
    for word in ("click", "torch", "./run.sh"):
        assert word in done.stderr


@pytest.fixture
def own_python(tmp_path: Path) -> Path:
    """A project's own Python, which repeats the words that it is given and ends with 7."""
    for name in ("train_pytorch.py", "local_evaluation.py"):
        shutil.copy(ROOT / name, tmp_path)
    for folder, names in (
        ("submission", ("__init__.py", "__main__.py", "interpreter.py")),
        ("experiments", ("__init__.py", "__main__.py")),
    ):
        (tmp_path / folder).mkdir()
        for name in names:
            shutil.copy(ROOT / folder / name, tmp_path / folder)
    own = tmp_path / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.write_text('#!/bin/sh\necho "$@"\nexit 7\n')
    own.chmod(0o755)
    return own


@pytest.mark.parametrize("words", PROGRAMS, ids=" ".join)
def test_an_old_python_goes_on_with_that_of_the_project(words: list[str], own_python: Path) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", OLD, *words]
        return subprocess.run(
            command, cwd=own_python.parents[2], capture_output=True, text=True, check=False
        )

    done = run()
    assert (done.returncode, done.stdout, done.stderr) == (7, f"{' '.join(words)}\n", "")
    own_python.unlink()
    done = run()
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "3.11" in done.stderr


@pytest.mark.parametrize("words", PROGRAMS, ids=" ".join)
def test_a_python_without_packages_goes_on_with_that_of_the_project(
    words: list[str], own_python: Path
) -> None:
    tmp_path = own_python.parents[2]
    words = [*words, "--seed", "a b"]
    done = subprocess.run(
        [sys.executable, "-S", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, f"-S {' '.join(words)}\n", "")
    own_python.unlink()
    own_python.symlink_to(sys.executable)  # a .venv without packages: no second try
    done = subprocess.run(
        [own_python, "-S", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
