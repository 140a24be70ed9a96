"""The events by which a run reports start, progress and end to the evaluation server."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from submission.console import say
from submission.errors import Stopped, UserError, one_line
from submission.server.environment import EventService

__all__ = ["Events", "reporting"]

REASON_LENGTH = 200
INTERVAL = 10.0
"""Least seconds between two events of progress."""


class Events:
    """Sends events to the service. Without a service, every call does nothing.

    A fault of the service never raises, and no call waits longer than the service's waiting times
    allow. The first fault prints a warning. After it, only the event that ends a run is sent.

    Args:
        service: where events go, None for nowhere.
    """

    def __init__(self, service: EventService | None) -> None:
        self._service = service
        self._client: redis.Redis | None = None
        self._faulty = False
        self._is_submitted = False
        self._progress = -1.0
        self._reported_at = -math.inf

    def started(self) -> None:
        """Reports that the run has begun."""
        self._send("INFO", "execution_started")

    def progress(self, fraction: float) -> None:
        """Reports how much of the run is done, at most once in 10 seconds.

        Args:
            fraction: in [0, 1]; one that does not exceed the last reported one is left out.
        """
        fraction = min(fraction, 1.0)
        now = time.monotonic()
        early = now - self._reported_at < INTERVAL and fraction < 1
        if early or not fraction > self._progress:
            return
        self._progress, self._reported_at = fraction, now
        self._send("INFO", "register_progress", training_progress=round(fraction, 4))

    def submitted(self) -> None:
        """Reports that the representation is ready to be scored, and waits for the answer."""
        self.progress(1.0)
        if self._service is not None:
            self._is_submitted = True
            self._send("SUCCESS", "submit", wait=self._service.response_timeout)

    def failed(self, reason: str, wait: float = math.inf) -> None:
        """Reports that the run has failed and waits for the answer; not after `submitted`.

        Args:
            reason: why; at most 200 characters of it are sent, as one line.
            wait: seconds to wait for the answer, if less than the service's own waiting time.
        """
        if self._service is not None and not self._is_submitted:
            line = " ".join(reason.split())
            short = line if len(line) <= REASON_LENGTH else line[: REASON_LENGTH - 3] + "..."
            wait = min(wait, self._service.response_timeout)
            self._send("ERROR", "execution_error", wait=wait, error=short)

    def _send(self, kind: str, message: str, wait: float = 0.0, **details: Any) -> None:
        if self._service is None or (self._faulty and not wait):
            return
        event = {
            "event_type": f"AICROWD_EVENT_{kind}",
            "agent_id": self._service.agent_id,
            "message": message,
            "payload": {"event_type": f"disentanglement_challenge:{message}", **details},
        }
        try:
            if self._client is None:
                self._client = _connect(self._service)
            self._client.lpush(self._service.channel, json.dumps(event))
            if wait and not self._answered(self._client, wait):
                self._warn(f"no answer to {message} within {wait:g} s")
        except (redis.RedisError, OSError, ValueError) as error:
            self._client = None
            self._warn(one_line(error))

    def _answered(self, client: redis.Redis, wait: float) -> bool:
        """Waits for an answer in short pieces, each bounded by the connection's own timeout."""
        assert self._service is not None
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if client.brpop([self._service.response_channel], timeout=1) is not None:
                return True
        return False

    def _warn(self, reason: str) -> None:
        if not self._faulty:
            assert self._service is not None
            place = f"{self._service.host}:{self._service.port}"
            say(f"warning: continuing without the event service at {place}: {reason}")
        self._faulty = True


def _connect(service: EventService) -> redis.Redis:
    """Makes a client with bounded waits and without retries, for old servers, too."""
    return redis.Redis(
        host=service.host,
        port=int(service.port),
        db=int(service.db),
        password=service.password,
        socket_connect_timeout=service.timeout,
        socket_timeout=service.timeout + 1,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
    )


@contextmanager
def reporting(service: EventService | None) -> Iterator[Events]:
    """Sends the events of a run's start and end; yields what sends those of its progress.

    When the block succeeds, the representation counts as submitted. When the block raises, the
    event of the failure says why, and the exception is raised further. `ending_on_sigterm` around
    this lets SIGTERM count, too.

    Args:
        service: where events go, None for nowhere.
    """
    events = Events(service)
    try:
        events.started()
        yield events
        events.submitted()
    except (Stopped, KeyboardInterrupt) as error:
        events.failed(str(error) or "stopped by SIGINT", wait=1.0)
        raise
    except BaseException as error:
        known = isinstance(error, UserError) and str(error)
        events.failed(str(error) if known else f"{type(error).__name__}: {error}")
        raise
