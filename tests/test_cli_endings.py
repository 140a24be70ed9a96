"""How a program ends: a mistake in one line, a bug with its traceback, a signal with its status."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from submission.cli import program
from submission.config.configuration import PROJECT
from submission.errors import InputError, MissingFileError, OutputError, Stopped

MISTAKES = (
    InputError("expected A, got B; take A"),
    MissingFileError("expected A, got B; take A"),
    OutputError("expected A, got B; take A"),
)


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: type(mistake).__name__)
def test_a_mistake_is_one_line_and_with_debug_a_traceback_too(
    mistake: Exception, debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def body() -> None:
        raise mistake

    assert program(body, lambda: debug) == 1
    error = capsys.readouterr().err
    assert error.endswith("error: expected A, got B; take A\n")
    assert ("Traceback" in error) == (error.count("\n") > 1) == debug


def test_what_the_system_refuses_is_one_line_with_the_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing"

    def rename() -> None:
        missing.rename(tmp_path / "new")

    for body in (missing.unlink, rename):
        assert program(body, lambda: False) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert str(missing) in error
        assert os.strerror(errno.ENOENT) in error


BUGS = (ValueError("matmul: mismatch"), OSError("a library's own"), KeyError("name"))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: type(bug).__name__)
def test_a_bug_keeps_its_traceback_and_asks_for_a_report(
    bug: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong_sum() -> None:
        raise bug

    assert program(wrong_sum, lambda: False) == 1
    *lines, last = capsys.readouterr().err.splitlines()
    assert "Traceback" in lines[0]
    assert any("wrong_sum" in line for line in lines)
    assert str(bug) in lines[-1]
    for word in ("error:", "report", "Python 3.", "torch ", "numpy "):
        assert word in last


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_has_the_status_of_its_signal(
    kind: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    def body() -> None:
        raise Stopped("stopped at step 3 of 6; the same command continues", kind)

    assert program(body, lambda: False) == 128 + kind
    assert capsys.readouterr().err == "stopped at step 3 of 6; the same command continues\n"


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_outside_of_a_loop_ends_the_program_in_order(
    kind: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = []

    def body() -> None:
        try:
            signal.raise_signal(kind)
        finally:
            ended.append(True)

    before = signal.getsignal(signal.SIGTERM)
    assert program(body, lambda: False) == 128 + kind
    assert ended
    assert kind.name in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)], ids=str)
def test_closed_streams_end_no_program_and_no_file_takes_their_place(
    closed: tuple[int, ...], tmp_path: Path
) -> None:
    text = (
        "from submission.cli import program\n"
        "from submission.console import progress_bar, say\n"
        "def body():\n"
        "    with open('file', 'w') as file:\n"
        "        assert file.fileno() > 2\n"
        "        say('line')\n"
        "        progress_bar(1, 'work', ' images').close()\n"
        "    open('done', 'w').close()\n"
        "raise SystemExit(program(body))\n"
    )
    closing = " ".join(f"{number}>&-" for number in closed)
    command = ["sh", "-c", f'exec "$0" -c "$1" {closing}', sys.executable, text]
    variables = os.environ | {"PYTHONPATH": str(PROJECT)}
    assert subprocess.run(command, cwd=tmp_path, env=variables, check=False).returncode == 0
    assert (tmp_path / "done").exists()


def test_text_that_the_terminal_cannot_show_is_escaped() -> None:
    program_text = (
        "from submission.cli import program\n"
        "from submission.console import say\n"
        "raise SystemExit(program(lambda: say('gr\\xf6sse \\udcff')))\n"
    )
    variables = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", program_text], env=variables, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"gr\\xf6sse \\udcff\n")


IN_A_CALLBACK = """
import ctypes, os, sys, time
from submission.cli import program

@ctypes.CFUNCTYPE(None)
def callback():
    os.kill(os.getpid(), int(sys.argv[1]))
    time.sleep(0.01)

def body():
    callback()
    time.sleep(60)
    print("finished")

raise SystemExit(program(body))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_inside_a_callback_of_a_library_ends_the_program(number: signal.Signals) -> None:
    command = [sys.executable, "-c", IN_A_CALLBACK, str(int(number))]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 128 + number
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [f"stopped by {number.name}"]
