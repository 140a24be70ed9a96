"""A headless Chromium for tests, spoken to through its DevTools pipe."""

import base64
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
PATIENCE = 120.0


class Browser:
    """One tab; it keeps every request and every complaint that a page makes."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command and waits for its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        pending = json.dumps(message).encode() + b"\0"
        while pending:
            pending = pending[os.write(self._send, pending) :]
        number = self._number
        answer = self._until(lambda found: found.get("id") == number)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _until(self, wanted: Any) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            head, separator, rest = self._buffer.partition(b"\0")
            if not separator:
                piece = os.read(self._receive, 1 << 20)
                assert piece, "Chromium closed its pipe"
                self._buffer += piece
                continue
            self._buffer = rest
            message: dict[str, Any] = json.loads(head)
            self.events.append(message)
            if wanted(message):
                return message
        raise AssertionError("Chromium did not answer in time")

    def open(self, path: Path, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Opens a file at a window's width and waits until it has loaded."""
        self.events.clear()
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Page.navigate", url=path.as_uri())
        if not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self._until(lambda event: event.get("method") == "Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """Evaluates JavaScript in the page and returns its value, a promise's result too."""
        found = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def screenshot(self, *, whole: bool = False) -> bytes:
        """Takes a PNG of the window, or of the whole page."""
        found = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(found["data"])

    def requests(self) -> list[str]:
        """Lists the addresses asked for since the page was opened."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """Lists what the browser has logged: errors, and what the page's policy refused."""
        return [
            json.dumps(event["params"])
            for event in self.events
            if event.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")
        ]


def _pipe() -> tuple[int, int]:
    """Opens a pipe with numbers above those at which Chromium expects its own."""
    low = os.pipe()
    high = tuple(fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, 10) for handle in low)
    for handle in low:
        os.close(handle)
    return high[0], high[1]


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Starts Chromium with a fresh profile and ends it afterwards."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert program, f"needs one of {', '.join(NAMES)}: apt-get install chromium"
    to_browser, send = _pipe()
    receive, from_browser = _pipe()

    def connect() -> None:
        os.dup2(to_browser, 3)
        os.dup2(from_browser, 4)

    log = (profile / "chromium.log").open("wb")
    process = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={profile / 'profile'}"],
        preexec_fn=connect,
        pass_fds=(3, 4),
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Browser(send, receive)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for handle in (send, receive):
            os.close(handle)
        log.close()
