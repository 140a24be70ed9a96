"""Events to a Redis server that dies, one that comes back, one that never answers, and none."""

import socket
import subprocess
import time
from pathlib import Path

import pytest
import redis

from submission.server.events import Events, reporting
from tests.redis_server import Server, service_at


def assert_one_warning(output: str, port: int) -> None:
    assert output.count("warning:") == output.count("\n") == 1
    assert f"127.0.0.1:{port}" in output


def test_a_server_that_dies_midway_ends_events_and_not_the_run(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    service = service_at(server.port)
    with reporting(service) as events:
        events.progress(0.1)
        assert server.messages() == ["execution_started", "register_progress"]
        server.kill()
        for step in range(20):
            events._reported_at = -10.0 * step
            events.progress(0.2 + step / 100)
    assert_one_warning(capsys.readouterr().out, server.port)


def test_a_server_that_comes_back_still_gets_the_end(server: Server, tmp_path: Path) -> None:
    events = Events(service_at(server.port))
    events.started()
    server.kill()
    events.progress(0.5)
    again = subprocess.Popen(
        ["redis-server", "--port", str(server.port), "--bind", "127.0.0.1", "--save", ""],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            try:
                server.client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.05)
        events.submitted()
        assert server.messages() == ["submit"]
    finally:
        again.kill()
        again.wait()


@pytest.mark.parametrize("accepts", [True, False])
def test_a_service_that_never_answers_is_given_up(
    accepts: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A socket that takes connections and says nothing, and one that takes none."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        if accepts:
            silent.listen()
        with reporting(service_at(port)) as events:
            events.progress(0.5)
    assert_one_warning(capsys.readouterr().out, port)


def test_a_port_that_is_no_number_is_a_service_that_is_absent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with reporting(service_at(1, AICROWD_REDIS_PORT="none")) as events:
        events.progress(0.5)
    assert "warning:" in capsys.readouterr().out
