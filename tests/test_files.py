import errno
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from submission.errors import InputError, OutputError
from submission.files import locked, replacing, sha256_of, write_json


def test_failure_leaves_what_stood_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "result"
    path.write_text("before")

    def fail() -> None:
        with replacing(path) as beside:
            beside.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_success_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "result"
    with replacing(path) as beside:
        beside.write_text("after")
        assert not path.exists()
    assert path.read_text() == "after"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "result.bin"
    abandoned, other = tmp_path / ".result.bin.abc.part", tmp_path / ".other.abc.part"
    abandoned.touch()
    other.touch()
    with replacing(path) as first:
        assert not abandoned.exists()
        with replacing(path) as second:
            assert first.exists()
            second.write_text("second")
        first.write_text("first")
    assert path.read_text() == "first"
    assert sorted(tmp_path.iterdir()) == [other, path]


def test_json_refuses_what_is_not_a_number(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"score": float("nan")})
    assert not (tmp_path / "x.json").exists()


def test_hash_is_sha256(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of(path).startswith("ba7816bf8f01cfea")  # printf abc | sha256sum


HOLDER = """
import sys
from pathlib import Path
from submission.files import locked
with locked(Path(sys.argv[1]), "training"):
    print("locked", flush=True)
    sys.stdin.read()
"""


def holder_of(folder: Path) -> "subprocess.Popen[str]":
    """Starts a process that holds a folder until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    return process


def test_a_second_run_is_refused_at_once_and_names_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "experiment"
    with holder_of(folder) as process:
        with (
            pytest.raises(
                InputError,
                match=rf"experiment.*training.*{process.pid}.*AICROWD_EVALUATION_NAME.*--output",
            ),
            locked(folder, "evaluation"),
        ):
            pytest.fail("two runs hold one folder")
        process.communicate("")
    with locked(folder, "evaluation"):
        pass
    assert not folder.exists()


def test_the_lock_of_a_killed_run_is_free(tmp_path: Path) -> None:
    with holder_of(tmp_path) as process:
        process.kill()
        process.wait()
    assert list(tmp_path.iterdir())  # the killed run could not tidy up
    with locked(tmp_path, "training"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_one_thread_at_a_time_holds_a_folder_that_many_ask_for(tmp_path: Path) -> None:
    inside, entered, together = [0], [0], [0]

    def run() -> None:
        for _ in range(200):
            try:
                with locked(tmp_path, "training"):
                    inside[0] += 1
                    together[0] = max(together[0], inside[0])
                    time.sleep(0)
                    entered[0] += 1
                    inside[0] -= 1
            except InputError:
                continue

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [1]
    assert entered[0] >= 1


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_costs_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path, "training"), locked(tmp_path, "another"):
        pass
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(str(tmp_path) in line and os.strerror(number) in line for line in lines)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_an_error_of_the_disk_names_the_file(tmp_path: Path, number: int) -> None:
    path = tmp_path / "result"
    path.write_text("before")
    with (
        pytest.raises(OutputError, match=rf"result.*{os.strerror(number)}.*folder"),
        replacing(path),
    ):
        raise OSError(number, os.strerror(number))
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_of_another_file_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "result"):
        Path(tmp_path / "missing").read_text()
    with pytest.raises(OSError, match="other") as raised, replacing(tmp_path / "result"):
        raise OSError(errno.EIO, "input", "other")
    assert not isinstance(raised.value, OutputError)


@pytest.mark.parametrize(
    ("place", "reason"), [("file", "a file"), ("file/below", os.strerror(errno.ENOTDIR))]
)
def test_a_folder_that_cannot_be_made_is_refused_in_one_line_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, reason: str
) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match=f"^expected a folder .*{place}, got {reason}; choose"),
        locked(tmp_path / place, "training"),
    ):
        pytest.fail("there is no folder")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_takes_no_files_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    opened = os.open

    def refuse(path: str, flags: int, *words: int, **options: int) -> int:
        if flags & os.O_CREAT or flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(number, os.strerror(number), path)
        return opened(path, flags, *words, **options)

    monkeypatch.setattr(os, "open", refuse)
    with (
        pytest.raises(OutputError, match=f"{tmp_path}, got {os.strerror(number)}; choose"),
        locked(tmp_path, "training"),
    ):
        pytest.fail("the folder takes no files")


def test_a_full_disk_is_no_reason_to_refuse_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evaluation prints its scores before it fails to write them."""

    def refuse(**_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with locked(tmp_path, "evaluation"):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match=r"file/result"),
        replacing(tmp_path / "file" / "result"),
    ):
        pytest.fail("there is no folder")


def test_a_file_larger_than_the_free_space_is_refused_before_it_is_written(tmp_path: Path) -> None:
    size = 2 * shutil.disk_usage(tmp_path).total
    with (
        pytest.raises(OutputError, match=rf"result.*{size:,}"),
        replacing(tmp_path / "result", size),
    ):
        pytest.fail("the work was done")


def test_a_library_that_fails_on_a_full_disk_is_the_disks_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        with replacing(tmp_path / "result"):
            raise RuntimeError("x")

    with pytest.raises(RuntimeError):
        fail()

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError, match=r"result.*No space"):
        fail()


def test_the_umask_is_applied_without_being_changed_for_other_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = os.umask
    before = change(0o027)
    try:
        monkeypatch.setattr(os, "umask", lambda _: pytest.fail("the process' umask is changed"))
        with replacing(tmp_path / "result") as beside:
            beside.touch()
        assert (tmp_path / "result").stat().st_mode & 0o777 == 0o640
    finally:
        change(before)
