"""Fixtures of several test files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from submission.server.environment import let_threads_sleep
from tests.redis_server import Server, start_server

let_threads_sleep()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = start_server(tmp_path)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def narrow_trunk() -> Iterator[None]:
    from tests.narrow import narrowed  # it imports PyTorch

    with narrowed():
        yield
