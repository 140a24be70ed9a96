"""The evaluation server's events: what a run tells the server about itself."""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from submission.console import say
from submission.server.environment import EventService
from submission.server.termination import ending_on_sigterm

__all__ = ["Events", "reporting"]

REASON_LENGTH = 200


class Events:
    """Sends events to the service; where there is none, every call does nothing.

    No call raises because of the service, and none waits longer than the service's waiting times
    allow. At the first fault one warning is printed; after it, only the event that ends a run is
    tried once more.

    Args:
        service: where events go, None for nowhere.
        interval: least seconds between two reports of progress.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        service: EventService | None,
        interval: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._interval = interval
        self._clock = clock
        self._client: redis.Redis | None = None
        self._faulty = False
        self._is_submitted = False
        self._progress = -1.0
        self._reported_at = -math.inf

    def started(self) -> None:
        """Tells that the run has begun."""
        self._send("INFO", "execution_started")

    def progress(self, fraction: float) -> None:
        """Tells how much of the run is done, unless that was told a moment ago.

        Args:
            fraction: in [0, 1]; what is not larger than what was told before is left out.
        """
        fraction = min(fraction, 1.0)
        now = self._clock()
        early = now - self._reported_at < self._interval and fraction < 1
        if early or not fraction > self._progress:
            return
        self._progress, self._reported_at = fraction, now
        self._send("INFO", "register_progress", training_progress=round(fraction, 4))

    def submitted(self) -> None:
        """Tells that the representation is ready to be scored, and waits for the answer."""
        self.progress(1.0)
        if self._service is not None:
            self._is_submitted = True
            self._send("SUCCESS", "submit", wait=self._service.response_timeout)

    def failed(self, reason: str, wait: float = math.inf) -> None:
        """Tells that the run has failed, unless it was submitted, and waits for the answer.

        Args:
            reason: why; one line of it is sent.
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
            self._warn(" ".join(str(error).split()) or type(error).__name__)

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
            say(f"warning: going on without the event service at {place}: {reason}")
        self._faulty = True


def _connect(service: EventService) -> redis.Redis:
    """Makes a client that waits within bounds, never tries again, and speaks the old protocol."""
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
    """Tells the service that a run starts and how it ends; yields the events for its progress.

    When the block succeeds, the representation counts as submitted. When it raises, the reason is
    told and the exception goes on. SIGTERM ends the block with `SystemExit`, status 143, and is
    told too; a second one ends the process at once. `InterruptedError` means that the block itself
    has stopped work because it was told to end.

    Args:
        service: where events go, None for nowhere.
    """
    events = Events(service)
    with ending_on_sigterm():
        try:
            events.started()
            yield events
            events.submitted()
        except (SystemExit, KeyboardInterrupt, InterruptedError) as error:
            say("stopping: told to end")
            stopped = isinstance(error, InterruptedError)
            events.failed(str(error) if stopped else f"told to end ({_name_of(error)})", wait=1.0)
            raise
        except BaseException as error:
            known = isinstance(error, ValueError | OSError)
            events.failed(str(error) if known and str(error) else f"{_name_of(error)}: {error}")
            raise


def _name_of(error: BaseException) -> str:
    return "SIGTERM" if isinstance(error, SystemExit) else type(error).__name__
