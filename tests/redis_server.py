"""A real Redis server for tests, and the variables that name it."""

import json
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import redis

from submission.server.environment import EventService, read_event_service


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def service_from(variables: dict[str, str]) -> EventService | None:
    """Reads the service from these variables and no others."""
    with mock.patch.dict(os.environ, variables, clear=True):
        return read_event_service()


def service_at(port: int, **changes: str) -> EventService:
    service = service_from(variables_for(port, **changes))
    assert service is not None
    return service


def variables_for(port: int, **changes: str) -> dict[str, str]:
    return {
        "AICROWD_IS_GRADING": "1",
        "AICROWD_REDIS_HOST": "127.0.0.1",
        "AICROWD_REDIS_PORT": str(port),
        "AICROWD_AGENT_ID": "agent 7",
        "AICROWD_EVENTS_TIMEOUT": "0.2",
        "AICROWD_EVENTS_RESPONSE_TIMEOUT": "0.2",
        **changes,
    }


@dataclass
class Server:
    """A Redis server of its own, on a free loopback port, in a folder of its own."""

    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def client(self) -> redis.Redis:
        return redis.Redis("127.0.0.1", self.port, decode_responses=True)

    def events(self, channel: str = "AICROWD_REDIS_COMMUNICATION_CHANNEL") -> list[dict[str, Any]]:
        with self.client as client:
            return [json.loads(text) for text in reversed(client.lrange(channel, 0, -1))]

    def messages(self) -> list[str]:
        return [event["message"] for event in self.events()]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def start_server(folder: Path, *options: str) -> Server:
    program = shutil.which("redis-server")
    assert program, "expected redis-server; install Debian's package redis-server (apt-get)"
    port = free_port()
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, "redis-server ended at once"
            time.sleep(0.05)
        else:
            break
    return Server(port, process)
