"""The rehearsal, with a `run.sh` that looks around instead of training."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from packaging.utils import canonicalize_name
from torch import nn

from submission.submit.rehearsal.isolation import make_read_only, plan_isolation
from submission.submit.rehearsal.packages import LEFT_OUT, hide_packages, read_left_out
from submission.submit.rehearsal.run import (
    RehearsalSettings,
    read_rehearsal,
    rehearse,
    result_path,
)
from submission.submit.repository import Repository
from tests.repositories import commit, isolate_git, make_project, write

ROOT = Path(__file__).parents[1]
SMALL = RehearsalSettings(config=None, grid=(2, 2, 1, 1, 2, 2, 2), memory=0)
LOOK_AROUND = f"""#!/usr/bin/env bash
set -eu
code=$(cd "$(dirname "$0")" && pwd)
representation=$AICROWD_OUTPUT_PATH/$AICROWD_EVALUATION_NAME/representation
mkdir -p "$representation/results"
test -n "${{AICROWD_IS_GRADING+set}}" || exit 11
test -e "$DISENTANGLEMENT_LIB_DATA/$AICROWD_DATASET_NAME/$AICROWD_DATASET_NAME.npz" || exit 12
test "$PWD" != "$code" || exit 13
test -z "${{A_SECRET+set}}" || exit 14
! touch "$code/written" 2>/dev/null || exit 15
! touch "$HOME/written" 2>/dev/null || exit 16
test -e "$code/model.pt" -a ! -e "$code/uncommitted" || exit 17
{sys.executable} -c '
import socket, sys
try:
    socket.create_connection(("127.0.0.1", {{port}}), 1)
except OSError:
    sys.exit(0)
sys.exit(1)' || exit 18
if test -e "$code/image/left_out.txt"; then
  ! {sys.executable} -c 'import click' 2>/dev/null || exit 19
  {sys.executable} -c 'import numpy' || exit 20
fi
cp "$code/model.pt" "$representation/pytorch_model.pt"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A project whose exported file is in the commit, so that nothing need be trained."""
    isolate_git(monkeypatch)
    monkeypatch.setenv("A_SECRET", "of the user's shell")
    repository = make_project(tmp_path / "project")
    network = nn.Sequential(nn.AvgPool2d(16), nn.Flatten(), nn.Linear(48, 4))
    path = repository.folder / "model.pt"
    with pytest.warns(Warning, match="deprecated"):
        torch.jit.trace(network, torch.rand(2, 3, 64, 64)).save(path)  # type: ignore[no-untyped-call]
    return repository


@pytest.fixture
def look_around() -> Iterator[str]:
    """A `run.sh` that fails if it can reach a port that is open outside."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = 1 if plan_isolation(0).network else server.getsockname()[1]
        yield LOOK_AROUND.replace("{port}", str(port))


def set_run(project: Repository, text: str) -> None:
    write(project.folder, {"run.sh": text})
    commit(project.folder)


def test_the_run_sees_what_it_would_see_on_the_server(
    project: Repository, look_around: str
) -> None:
    write(project.folder, {"image/left_out.txt": "# What is not there\nclick\n"})
    set_run(project, look_around)
    write(project.folder, {"uncommitted": ""})
    path = rehearse(project, SMALL)
    content = read_rehearsal(project)
    assert path == result_path(project)
    assert content is not None
    assert content["commit"] == project.commit
    assert content["config"] is None
    assert content["scored"]["num_codes"] == 4
    assert content["scored"]["batch_sizes"] == [1, 8, 16, 64]
    assert set(content["scored"]["scores"]) == {"factor_vae", "dci", "sap", "irs", "mig"}


def test_a_package_that_the_image_leaves_out_is_named(tmp_path: Path) -> None:
    hide_packages(read_left_out("# Scoring\nPython_DateUtil  # for axes\n\nattrs\n"), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"attr.py", "attrs.py", "dateutil.py"}
    done = subprocess.run(
        [sys.executable, "-c", "import dateutil"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    for word in ("dateutil", "image/left_out.txt", "python-dateutil"):
        assert word in done.stderr


def test_what_the_image_leaves_out_is_locked() -> None:
    """A misspelled name would leave nothing out."""
    lock = (ROOT / "requirements.lock").read_text().split()
    left_out = read_left_out((ROOT / LEFT_OUT).read_text())
    assert left_out <= {canonicalize_name(line.split("==")[0]) for line in lock}


def test_training_imports_what_the_image_has(tmp_path: Path) -> None:
    hide_packages(read_left_out((ROOT / LEFT_OUT).read_text()), tmp_path)
    program = (
        "import submission.commands.train, submission.config.configuration, submission.job.train;"
        "import utils_pytorch, aicrowd_helpers"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        check=True,
    )


def test_what_goes_wrong_leaves_no_result(project: Repository) -> None:
    result_path(project).parent.mkdir(parents=True)
    result_path(project).write_text("{}")
    set_run(project, "#!/bin/sh\nexit 3\n")
    with pytest.raises(ValueError, match=r"status 0, got 3"):
        rehearse(project, SMALL)
    assert read_rehearsal(project) is None


def test_being_told_to_end_ends_the_run_too(project: Repository, tmp_path: Path) -> None:
    """Nothing is left: no process and no folder."""
    set_run(project, f"#!/usr/bin/env bash\necho $$ >{tmp_path}/pid; exec sleep 600\n")
    program = (
        "import sys; from pathlib import Path; from submission.cli import main;"
        "from submission.commands import rehearse as command;"
        f"command.PROJECT = Path({str(project.folder)!r});"
        f"sys.exit(main(['rehearse', '--grid', '{','.join(map(str, SMALL.grid))}']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert process.wait() == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert list(tmp_path.glob("rehearsal-*")) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('rm "$representation/pytorch_model.pt"', r"pytorch_model\.pt.*export_model"),
        ('rmdir "$representation/results"', "results"),
        ('mkdir "$representation/tfhub"', "tfhub"),
        ('echo no >new; mv -f new "$representation/pytorch_model.pt"', "cannot be scored"),
    ],
)
def test_a_run_that_leaves_something_else_is_refused(
    project: Repository, look_around: str, line: str, words: str
) -> None:
    set_run(project, look_around + line + "\n")
    with pytest.raises(ValueError, match=words):
        rehearse(project, SMALL)


def test_a_result_of_another_commit_is_refused(project: Repository) -> None:
    result_path(project).parent.mkdir(parents=True)
    for text in ('{"commit": "other"}', "cut short {"):
        result_path(project).write_text(text)
        with pytest.raises(ValueError, match=r"got.*rehearse"):
            read_rehearsal(project)


def test_a_configuration_that_is_not_there_is_refused(project: Repository) -> None:
    with pytest.raises(FileNotFoundError, match="configs/"):
        rehearse(project, replace(SMALL, config=Path("none.gin")))


def test_variables_are_those_given_and_no_others() -> None:
    command = plan_isolation(0).command({"ONE": "1"}, "/usr/bin/env")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "ONE=1\n"


def test_a_memory_limit_holds() -> None:
    command = plan_isolation(256 << 20).command(
        {}, sys.executable, "-c", "import sys; sys.exit(len(bytearray(512 << 20)) == 0)"
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "MemoryError" in done.stderr


def test_what_is_read_only_cannot_be_written(tmp_path: Path) -> None:
    isolation = plan_isolation(0)
    if isolation.powers:
        pytest.skip("root's powers cannot be taken away here")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("kept")
    make_read_only(tmp_path / "folder")
    for target in ("folder/file", "folder/new"):
        words = ("sh", "-c", f"echo lost >{tmp_path / target}")
        command = isolation.command({"PATH": os.environ["PATH"]}, *words)
        assert subprocess.run(command, capture_output=True, check=False).returncode != 0
    assert (tmp_path / "folder/file").read_text() == "kept"
    (tmp_path / "folder").chmod(0o755)


class Spoilt(nn.Module):
    """Codes of which the third is always the same."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.AvgPool2d(16), nn.Flatten(), nn.Linear(48, 2))
        self.value = value

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        codes = self.network(images)
        return torch.cat([codes, torch.full_like(codes[:, :1], self.value)], dim=1)


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize("value", [0.3, float("nan")])
def test_a_latent_without_meaning_is_refused_in_one_line(
    project: Repository, look_around: str, value: float
) -> None:
    torch.jit.save(torch.jit.script(Spoilt(value)), project.folder / "model.pt")
    set_run(project, look_around)
    with pytest.raises(ValueError, match=r"pytorch_model\.pt.*latents? \[2\]") as caught:
        rehearse(project, SMALL)
    assert "\n" not in str(caught.value)
    assert read_rehearsal(project) is None
