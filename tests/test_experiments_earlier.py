import subprocess
from pathlib import Path

import pytest

from experiments import earlier
from experiments.earlier import Earlier, fetch_earlier
from tests.repositories import git, isolate_git


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    isolate_git(monkeypatch)
    monkeypatch.setattr(earlier, "PROJECT", tmp_path)
    git(tmp_path, "init", "--quiet")
    (tmp_path / "weights").mkdir()
    for content in (b"first", b"second"):
        for name in earlier.FILES:
            (tmp_path / "weights" / name).write_bytes(content)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "--quiet", "--message", content.decode())
    return tmp_path


def test_earlier_weights_come_out_of_the_history(project: Path) -> None:
    first = Earlier(git(project, "rev-parse", "--short", "HEAD~1"), "0" * 64)
    fetch_earlier(first)
    files = [project / first.folder / name for name in earlier.FILES]
    assert [file.read_bytes() for file in files] == [b"first"] * 2
    assert project / first.weights in files
    files[0].write_bytes(b"kept")
    fetch_earlier(first)
    assert files[0].read_bytes() == b"kept"


def test_the_shell_commands_fetch_the_same(project: Path) -> None:
    first = Earlier(git(project, "rev-parse", "--short", "HEAD~1"), "0" * 64)
    subprocess.run(["sh", "-ec", "; ".join(first.commands)], cwd=project, check=True)
    assert (project / first.weights).read_bytes() == b"first"


def test_a_history_without_the_commit_is_one_line(project: Path) -> None:
    with pytest.raises(ValueError, match=r"expected the commit 0000000 .* clone it as a whole"):
        fetch_earlier(Earlier("0000000", "0" * 64))
