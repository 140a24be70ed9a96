"""Each thing that can be wrong with a submission is found, alone, with the fix that mends it."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from submission.commands import preflight as command
from submission.submit.preflight import image
from submission.submit.preflight.checks import check_submission
from submission.submit.preflight.verdict import Verdict, table
from submission.submit.repository import Repository
from tests.repositories import (
    DESCRIPTION,
    DOCKERFILE,
    commit,
    git,
    isolate_git,
    make_project,
    pretend_rehearsal,
    write,
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    isolate_git(monkeypatch)
    return make_project(tmp_path / "project")


def failures(repository: Repository) -> list[Verdict]:
    return [verdict for verdict in check_submission(repository) if not verdict.passed]


def test_a_project_in_order_passes(project: Repository) -> None:
    pretend_rehearsal(project)
    assert failures(project) == []
    assert {verdict.check for verdict in check_submission(project)} == {
        "aicrowd.json",
        "programs",
        "weights",
        "no data sets",
        "sizes",
        "lock",
        "Dockerfile",
        "clean tree",
        "rehearsal",
    }


def described(**changes: object) -> Callable[[Path], None]:
    return lambda folder: write(folder, {"aicrowd.json": json.dumps({**DESCRIPTION, **changes})})


def written(**files: str) -> Callable[[Path], None]:
    names = {"dockerfile": "Dockerfile", "ignore": ".dockerignore", "lock": "requirements.lock"}
    names |= {"run": "run.sh", "required": "requirements.txt", "json": "aicrowd.json"}
    return lambda folder: write(folder, {names[name]: text for name, text in files.items()})


def removed(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def not_executable(folder: Path) -> None:
    (folder / "run.sh").chmod(0o644)


def other_weights(folder: Path) -> None:
    write(folder, {"weights/extractor.safetensors": "damaged"})


def ignored_weights(folder: Path) -> None:
    write(folder, {".gitignore": "/scratch/\n*.safetensors\n"})
    git(folder, "rm", "--quiet", "--cached", "weights/extractor.safetensors")


def data_set(folder: Path) -> None:
    write(folder, {"data/standin_real.npz": "small, but by its name a data set"})


def archive(folder: Path) -> None:
    (folder / "images.npz").write_bytes(bytes(2 << 20))


def forced_scratch(folder: Path) -> None:
    write(folder, {"scratch/notes.txt": "results"})
    git(folder, "add", "--force", "scratch/notes.txt")


def large_file(folder: Path) -> None:
    with (folder / "model.bin").open("wb") as file:
        file.truncate(101 << 20)


def docker(old: str, new: str) -> Callable[[Path], None]:
    assert old in DOCKERFILE
    return written(dockerfile=DOCKERFILE.replace(old, new))


WRONG = {
    "another challenge": (described(challenge_id="mine"), "aicrowd.json", "challenge_id is 'mine'"),
    "another grader": (described(grader_id=None), "aicrowd.json", "grader_id is None"),
    "authors as text": (described(authors="me"), "aicrowd.json", "authors is 'me'"),
    "nobody's name": (described(authors=["your name here"]), "aicrowd.json", "your own name"),
    "no authors": (described(authors=[]), "aicrowd.json", "authors is []"),
    "no description": (described(description=" "), "aicrowd.json", "description is ' '"),
    "gpu in quotes": (described(gpu="true"), "aicrowd.json", "gpu is 'true'"),
    "broken JSON": (written(json="{'gpu': True}"), "aicrowd.json", "is not JSON"),
    "no aicrowd.json": (removed("aicrowd.json"), "aicrowd.json", "is not in the commit"),
    "no run bit": (not_executable, "programs", "--chmod=+x run.sh"),
    "Windows line ends": (written(run="#!/bin/sh\r\ntrue\r\n"), "programs", "sed -i"),
    "no interpreter": (written(run="true\n"), "programs", "#!/usr/bin/env bash"),
    "no run.sh": (removed("run.sh"), "programs", "git add run.sh"),
    "no card": (removed("weights/extractor.json"), "weights", "git add --force"),
    "weights ignored": (ignored_weights, "weights", "git add --force"),
    "other weights": (other_weights, "weights", "git checkout COMMIT weights"),
    "data set": (data_set, "no data sets", "git rm --cached data/standin_real.npz"),
    "an archive": (archive, "no data sets", "git rm --cached images.npz"),
    "scratch": (forced_scratch, "no data sets", "git rm --cached scratch/notes.txt"),
    "large file": (large_file, "sizes", "model.bin has 101 MiB"),
    "lock too old": (written(required="numpy>=2\n"), "lock", "numpy>=2, but 1.26.4"),
    "lock incomplete": (written(required="numpy\nredis\n"), "lock", "redis is not in"),
    "lock unpinned": (written(lock="numpy\nPyYAML==6.0\n"), "lock", "expected NAME==VERSION"),
    "no lock": (removed("requirements.lock"), "lock", "missing or empty"),
    "no Dockerfile": (removed("Dockerfile"), "Dockerfile", "is not in the commit"),
    "lint": (docker("WORKDIR /home", "RUN cd /tmp\nWORKDIR /home"), "Dockerfile", "line 3 DL3003"),
    "copies nothing": (
        docker("COPY requirements.lock", "COPY locked.txt requirements.lock"),
        "Dockerfile",
        "copies locked.txt, which is not in the commit",
    ),
    "weights left out": (written(ignore="weights\n"), "Dockerfile", "leaves weights out"),
}


def test_a_missing_linter_is_no_pass(project: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "_find_linter", lambda: None)
    pretend_rehearsal(project)
    (verdict,) = failures(project)
    assert "hadolint" in verdict.detail
    assert "pip install" in verdict.fix


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found_with_its_fix(project: Repository, name: str) -> None:
    breaks, check, words = WRONG[name]
    breaks(project.folder)
    commit(project.folder)
    pretend_rehearsal(project)
    (verdict,) = failures(project)
    assert verdict.check == check
    assert words in f"{verdict.detail} {verdict.fix}"
    assert verdict.fix


def test_changes_are_found(project: Repository) -> None:
    pretend_rehearsal(project)
    write(project.folder, {"new.py": ""})
    (verdict,) = failures(project)
    assert verdict.check == "clean tree"
    assert "new.py" in verdict.detail
    assert "git commit" in verdict.fix


def test_a_commit_without_a_rehearsal_of_its_own_is_found(project: Repository) -> None:
    pretend_rehearsal(project)
    commit(project.folder)
    (verdict,) = failures(project)
    assert verdict.check == "rehearsal"
    assert verdict.fix == "python -m submission rehearse"


def test_the_fix_for_a_missing_run_bit_is_the_right_one(project: Repository) -> None:
    not_executable(project.folder)
    commit(project.folder)
    git(project.folder, "update-index", "--chmod=+x", "run.sh")
    git(project.folder, "commit", "--quiet", "--message=Fix")
    git(project.folder, "checkout", "run.sh")
    pretend_rehearsal(project)
    assert failures(project) == []
    assert (project.folder / "run.sh").stat().st_mode & stat.S_IXUSR


def test_the_table_has_a_line_per_check_and_one_per_fix(project: Repository) -> None:
    lines = table(check_submission(project)).splitlines()
    assert len(lines) == 10
    assert sum(line.startswith("passed") for line in lines) == 8
    assert "fix: python -m submission rehearse" in lines[-1]


def test_the_command_prints_the_table_and_fails(
    project: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from submission.cli import main

    monkeypatch.setattr(command, "PROJECT", project.folder)
    assert main(["preflight"]) == 1
    printed = capsys.readouterr()
    assert "FAILED  rehearsal" in printed.out
    assert printed.err.startswith("error: 1 of 9")
    pretend_rehearsal(project)
    assert main(["preflight"]) == 0
    assert "FAILED" not in capsys.readouterr().out


def test_a_folder_without_git_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_git(monkeypatch)
    with pytest.raises(ValueError, match="git init"):
        Repository(tmp_path)
    git(tmp_path, "init", "--quiet")
    with pytest.raises(ValueError, match="expected a commit"):
        Repository(tmp_path)
