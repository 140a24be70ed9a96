"""Each thing that could make a submission fail is found, alone, and with its fix."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from submission.commands import preflight as command
from submission.console import program
from submission.preflight.checks import check_submission
from submission.preflight.finding import table
from submission.repository import Repository
from tests.repositories import commit, git, make_submission, note_rehearsal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_submission(tmp_path / "project")


def describe(folder: Path, **changes: object) -> None:
    path = folder / "aicrowd.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def replace(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


FAULTS: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "another challenge": (
        lambda f: describe(f, challenge_id="other"), "aicrowd.json", "challenge_id", "aicrowd.json"
    ),
    "gpu in quotes": (
        lambda f: describe(f, gpu="true"), "aicrowd.json", "gpu is 'true'", "aicrowd.json"
    ),
    "no run bit": (
        lambda f: (f / "run.sh").chmod(0o644), "programs", "may not be executed", "--chmod=+x"
    ),
    "Windows line ends": (
        lambda f: (f / "run.sh").write_bytes(b"#!/usr/bin/env bash\r\n"),
        "programs", "Windows line ends", "sed -i",
    ),
    "no weights": (
        lambda f: (f / "weights/extractor.safetensors").unlink(),
        "weights", "not in the commit", "python -m submission finetune",
    ),
    "weights of another card": (
        lambda f: (f / "weights/extractor.safetensors").write_bytes(b"other"),
        "weights", "its card says", "git checkout",
    ),
    "a data set": (
        lambda f: (f / "mpi3d_real.npz").write_bytes(b"images"),
        "no data sets", "mpi3d_real.npz is in the commit", "git rm --cached",
    ),
    "a package that is not locked": (
        lambda f: (f / "requirements.txt").write_text("redis>=4\nclick\n"),
        "lock", "click is not in requirements.lock", "pip freeze",
    ),
    "an outdated lock": (
        lambda f: (f / "requirements.txt").write_text("redis>=6\n"),
        "lock", "5.0.1 is locked", "pip freeze",
    ),
    "another user": (
        lambda f: replace(f, "Dockerfile", "1001", "1000"),
        "Dockerfile", "uid 1001", "correct Dockerfile",
    ),
    "code elsewhere": (
        lambda f: replace(f, "Dockerfile", "/home/aicrowd\nCOPY", "/code\nCOPY"),
        "Dockerfile", "the code is not copied", "correct Dockerfile",
    ),
    "weights left out of the image": (
        lambda f: (f / ".dockerignore").write_text("weights\n"),
        "Dockerfile", "leaves weights out", ".dockerignore",
    ),
}  # fmt: skip


def test_a_ready_commit_passes_every_check(folder: Path) -> None:
    findings = check_submission(Repository(folder))
    assert [finding for finding in findings if not finding.passed] == []
    assert len(findings) == 9


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_alone_and_with_its_fix(folder: Path, fault: str) -> None:
    break_it, check, detail, fix = FAULTS[fault]
    break_it(folder)
    commit(folder)
    note_rehearsal(folder)
    wrong = [finding for finding in check_submission(Repository(folder)) if not finding.passed]
    assert [finding.check for finding in wrong] == [check]
    assert detail in wrong[0].detail
    assert fix in wrong[0].fix
    assert f"fix: {wrong[0].fix}" in table(wrong)


def test_a_file_that_is_too_large_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("submission.preflight.contents.FILE_SIZE", 1000)
    (folder / "large.bin").write_bytes(b"x" * 1001)
    commit(folder)
    note_rehearsal(folder)
    wrong = [finding for finding in check_submission(Repository(folder)) if not finding.passed]
    assert [finding.check for finding in wrong] == ["sizes"]
    assert "large.bin" in wrong[0].detail


def test_changes_that_are_not_committed_are_found(folder: Path) -> None:
    (folder / "new.py").write_text("")
    wrong = [finding for finding in check_submission(Repository(folder)) if not finding.passed]
    assert [finding.check for finding in wrong] == ["clean tree"]
    assert "new.py is not committed" in wrong[0].detail


def test_a_commit_without_a_rehearsal_is_found(folder: Path) -> None:
    commit(folder, "another")
    wrong = [finding for finding in check_submission(Repository(folder)) if not finding.passed]
    assert [finding.check for finding in wrong] == ["rehearsal"]
    assert wrong[0].fix == "python -m submission rehearse"


def test_the_program_ends_with_a_status(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "PROJECT", folder)

    def run() -> int:
        return program(lambda: command.preflight.main([], standalone_mode=False))

    assert run() == 0
    assert "is ready" in capsys.readouterr().out
    git(folder, "rm", "--quiet", "--cached", "aicrowd.json")
    commit_only = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    git(folder, *commit_only, "commit", "--quiet", "--message", "without")
    assert run() == 1
    captured = capsys.readouterr()
    assert "FAILED  aicrowd.json" in captured.out
    assert "checks failed" in captured.err
