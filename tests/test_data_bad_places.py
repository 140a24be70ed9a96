"""What is at a path and no file of images is refused in one line."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from submission.data.images import open_images
from submission.data.npz import map_member
from tests.bad_files import GOOD, one_line


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [folder, pipe, loop, dangling])
def test_what_is_not_a_file_is_refused_at_once(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "strange.npz"
    make(path)
    one_line(path, lambda: map_member(path))


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "images.npz"
    assert os.strerror(errno.ENOTDIR) in one_line(path, lambda: map_member(path))


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300)
    assert os.strerror(errno.ENAMETOOLONG) in one_line(path, lambda: map_member(path))


def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "secret.npz"
    path.write_bytes(GOOD)
    path.chmod(0)
    body = (
        "import os, sys; from pathlib import Path\n"
        "from submission.cli import program; from submission.data.npz import map_member\n"
        "if os.geteuid() == 0:\n"
        "    os.chdir(sys.argv[1]); os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(program(lambda: print(map_member(Path('secret.npz')))))\n"
    )
    tmp_path.chmod(0o755)
    command = [sys.executable, "-c", body, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert os.strerror(errno.EACCES) in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_that_changes_while_it_is_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing.npz"
    path.write_bytes(GOOD)

    def appending(*arguments: object, **settings: object) -> object:
        with path.open("ab") as file:
            file.write(b"more")
        return np.zeros(1)

    monkeypatch.setattr(np, "memmap", appending)
    assert "changed while" in one_line(path, lambda: map_member(path))


def test_a_missing_file_names_the_command_that_gets_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"data fetch mpi3d_real$"):
        open_images("mpi3d_real", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"data fetch mpi3d_real_complex --url ADDRESS$"):
        open_images("mpi3d_real_complex", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"data render standin_real$"):
        open_images("standin_real", tmp_path)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mpi3d_toy, .*dummy_data, got '../x'"):
        open_images("../x", tmp_path)
