"""Events against a real Redis server."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from submission.errors import InputError
from submission.server.events import Events, reporting
from submission.starter_kit import events as kit_events
from tests.redis_server import Server, service_at, service_from, start_server, variables_for

ROOT = Path(__file__).parents[1]


def test_a_run_tells_its_whole_story_in_order(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.client.lpush("AICROWD_BLOCKING_RESPONSE_CHANNEL", "{}")
    with reporting(service_at(server.port)) as events:
        events.progress(0.25)
    told = server.events()
    assert told == [
        {
            "event_type": "AICROWD_EVENT_INFO",
            "agent_id": "agent 7",
            "message": "execution_started",
            "payload": {"event_type": "disentanglement_challenge:execution_started"},
        },
        {
            "event_type": "AICROWD_EVENT_INFO",
            "agent_id": "agent 7",
            "message": "register_progress",
            "payload": {
                "event_type": "disentanglement_challenge:register_progress",
                "training_progress": 0.25,
            },
        },
        {
            "event_type": "AICROWD_EVENT_INFO",
            "agent_id": "agent 7",
            "message": "register_progress",
            "payload": {
                "event_type": "disentanglement_challenge:register_progress",
                "training_progress": 1.0,
            },
        },
        {
            "event_type": "AICROWD_EVENT_SUCCESS",
            "agent_id": "agent 7",
            "message": "submit",
            "payload": {"event_type": "disentanglement_challenge:submit"},
        },
    ]
    assert server.client.llen("AICROWD_BLOCKING_RESPONSE_CHANNEL") == 0
    assert capsys.readouterr().out == ""


def test_the_older_names_of_the_variables_work_too(server: Server) -> None:
    given = {
        name.replace("AICROWD_", "CROWDAI_"): value
        for name, value in variables_for(
            server.port,
            AICROWD_REDIS_COMMUNICATION_CHANNEL="talk",
            AICROWD_BLOCKING_RESPONSE_CHANNEL="answers",
            AICROWD_REDIS_DB="3",
        ).items()
    }
    service = service_from(given)
    with redis.Redis("127.0.0.1", server.port, 3) as client:
        client.lpush("answers", "yes")
        Events(service).submitted()
        assert client.llen("answers") == 0
        assert client.llen("talk") == 2


@pytest.mark.parametrize("spelling", ["AICROWD", "CROWDAI"])
def test_channels_have_the_names_of_the_servers_own_spelling(spelling: str) -> None:
    service = service_from({f"{spelling}_IS_GRADING": "1"})
    assert service is not None
    assert service.channel == f"{spelling}_REDIS_COMMUNICATION_CHANNEL"
    assert service.response_channel == f"{spelling}_BLOCKING_RESPONSE_CHANNEL"


def test_a_password_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = start_server(tmp_path, "--requirepass", "secret")
    try:
        Events(service_at(server.port, AICROWD_REDIS_PASSWORD="secret")).started()
        assert capsys.readouterr().out == ""
        Events(service_at(server.port, AICROWD_REDIS_PASSWORD="wrong")).started()
        warning = capsys.readouterr().out
        assert warning.count("warning:") == 1
        assert "secret" not in warning
        with redis.Redis("127.0.0.1", server.port, password="secret") as client:
            assert client.llen("AICROWD_REDIS_COMMUNICATION_CHANNEL") == 1
    finally:
        server.kill()


def test_progress_rises_and_is_reported_now_and_then(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("submission.server.events.time.monotonic", lambda: now)
    events = Events(service_at(server.port))
    for step in range(1000):
        now = step * 0.1
        events.progress(step / 999)
        events.progress(step / 1998)
    told = [event["payload"]["training_progress"] for event in server.events()]
    assert told == sorted(set(told))
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert 10 <= len(told) <= 11


def test_an_error_gives_a_short_reason(server: Server) -> None:
    server.client.lpush("AICROWD_BLOCKING_RESPONSE_CHANNEL", "{}")
    with pytest.raises(InputError), reporting(service_at(server.port)):
        raise InputError("expected\nsomething " + "very " * 1000 + "long")
    last = server.events()[-1]
    assert last["event_type"] == "AICROWD_EVENT_ERROR"
    assert last["message"] == "execution_error"
    assert last["payload"]["event_type"] == "disentanglement_challenge:execution_error"
    reason = last["payload"]["error"]
    assert reason.startswith("expected something very")
    assert len(reason) == 200
    assert "submit" not in server.messages()


def test_an_unforeseen_error_is_told_with_its_kind(server: Server) -> None:
    with pytest.raises(RuntimeError), reporting(service_at(server.port)):
        raise RuntimeError("out of memory")
    assert server.events()[-1]["payload"]["error"] == "RuntimeError: out of memory"


def test_an_answer_that_does_not_come_is_not_waited_for(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    Events(service_at(server.port)).submitted()
    assert "no answer to submit" in capsys.readouterr().out
    assert server.messages()[-1] == "submit"


def test_what_was_submitted_is_no_error_afterwards(server: Server) -> None:
    """A signal that comes while the answer is waited for."""
    events = Events(service_at(server.port))
    events.submitted()
    events.failed("stopped by SIGTERM")
    assert server.messages() == ["register_progress", "submit"]


def test_the_kits_functions_send_the_same_events(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import aicrowd_helpers

    for name, value in variables_for(server.port, AICROWD_OUTPUT_PATH=str(tmp_path)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AICROWD_DATASET_NAME", "standin_real")
    kit_events._events.cache_clear()
    aicrowd_helpers.execution_start()
    aicrowd_helpers.register_progress(0.0)
    with pytest.raises(FileNotFoundError, match="export_model"):
        aicrowd_helpers.submit()
    path = tmp_path / "experiment_name/representation/pytorch_model.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a representation")
    aicrowd_helpers.submit()
    kit_events._events.cache_clear()
    aicrowd_helpers.execution_error(ValueError("no convergence"))
    kit_events._events.cache_clear()
    assert server.messages() == [
        "execution_started",
        "register_progress",
        "register_progress",
        "submit",
        "execution_error",
    ]
    assert server.events()[-1]["payload"]["error"] == "no convergence"


def test_a_package_that_is_missing_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('no torch here')\n")
    done = subprocess.run(
        [sys.executable, ROOT / "train_pytorch.py", ROOT / "configs/paper.gin"],
        env={
            **os.environ,
            **variables_for(server.port),
            "PYTHONPATH": f"{tmp_path}:{ROOT}",
            "AICROWD_DATASET_NAME": "standin_real",
        },
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    assert server.messages() == ["execution_started", "execution_error"]
    assert "no torch here" in server.events()[-1]["payload"]["error"]


def test_outside_the_server_nothing_is_sent(server: Server) -> None:
    given = variables_for(server.port)
    del given["AICROWD_IS_GRADING"]
    assert service_from(given) is None
    with reporting(None) as events:
        events.progress(0.5)
    assert server.messages() == []


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_a_wait_without_bound_is_refused(seconds: str) -> None:
    with pytest.raises(ValueError, match="AICROWD_EVENTS_TIMEOUT"):
        service_at(1, AICROWD_EVENTS_TIMEOUT=seconds)


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_reported_and_ends_the_program(server: Server, kind: signal.Signals) -> None:
    program = (
        "import sys, time\n"
        "from submission.cli import program\n"
        "from submission.server.environment import read_event_service\n"
        "from submission.server.events import reporting\n"
        "def body():\n"
        "    with reporting(read_event_service()):\n"
        "        print('running', flush=True)\n"
        "        time.sleep(600)\n"
        "sys.exit(program(body))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **variables_for(server.port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(kind)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 128 + kind
    assert errors == f"stopped by {kind.name}\n"
    assert server.messages() == ["execution_started", "execution_error"]
    assert server.events()[-1]["payload"]["error"] == f"stopped by {kind.name}"
