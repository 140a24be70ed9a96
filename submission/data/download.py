"""Downloads a large file in pieces that survive cut connections and interrupted runs."""

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from urllib.parse import urlsplit

import requests

from submission.console import progress_bar, say
from submission.errors import InputError

__all__ = ["download"]

CHUNK = 1 << 16  # at most this much is lost with a connection
TIMEOUT = (10, 60)  # seconds to connect, seconds of silence
TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
TRANSIENT = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
SHA256 = re.compile(r'"?([0-9a-f]{64})"?')


class _TryAgainError(Exception):
    """The server is busy for now."""


def download(url: str, path: Path, retries: int = 5, pause: float = 1.0) -> None:
    """Downloads a file, going on where an earlier attempt or run stopped.

    What has arrived is kept in a hidden file beside `path`, with the server's mark of the version
    it belongs to, and takes its place when it is whole. The length, and the SHA-256 where the
    server names one, are verified.

    Args:
        url: of the file.
        path: where to put it.
        retries: attempts in a row without a new byte before giving up.
        pause: seconds before the first such attempt; doubled each time, at most 30.

    Raises:
        OSError: if the server cannot be reached or the disk cannot be written.
        ValueError: if the server has no such file, it is too large for the disk, another process
            is downloading it, or what arrived is not what was announced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with _locked(part, path) as file, requests.Session() as session:
        failures = 0
        while True:
            before = os.fstat(file.fileno()).st_size
            try:
                digest = _receive(session, url, path, file)
                break
            except (*TRANSIENT, _TryAgainError) as error:
                arrived = os.fstat(file.fileno()).st_size
                failures = 1 if arrived > before else failures + 1
                if failures > retries:
                    raise ConnectionError(
                        f"cannot reach {urlsplit(url).netloc} ({type(error).__name__}); run this "
                        f"again to go on at {arrived:,} bytes, or fetch {url} elsewhere and put "
                        f"it at {path}"
                    ) from error
                say(f"connection lost at {arrived:,} bytes, trying again")
                time.sleep(min(pause * 2 ** (failures - 1), 30.0))
        if digest is not None:
            file.seek(0)
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != digest:
                file.truncate(0)
                raise InputError(
                    f"expected SHA-256 {digest} of {url}, got {found}; what arrived was discarded, "
                    "fetch it again"
                )
        os.fsync(file.fileno())
        part.replace(path)
    _mark_of(path).unlink(missing_ok=True)


@contextmanager
def _locked(part: Path, path: Path) -> Iterator[BufferedRandom]:
    """Opens the unfinished file for this process alone."""
    with part.open("ab+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"another process is downloading {path}; wait for it") from error
        yield file


def _receive(session: requests.Session, url: str, path: Path, file: BufferedRandom) -> str | None:
    """Receives what is missing of the file.

    Returns:
        The SHA-256 that the server names, None if it names none.
    """
    mark = _mark_of(path)
    have = os.fstat(file.fileno()).st_size
    headers = {"Accept-Encoding": "identity"}
    if have and mark.exists():
        headers |= {"Range": f"bytes={have}-", "If-Range": mark.read_text()}
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code in TEMPORARY:
            raise _TryAgainError(response.status_code)
        total = _total(response, have)
        if response.status_code == 416 and total == have:
            return _digest(response)
        if response.status_code == 416:
            file.truncate(0)
            raise _TryAgainError(response.status_code)
        if response.status_code not in (200, 206):
            raise InputError(f"expected {url}, the server answers {response.status_code}")
        if response.status_code == 200 or _first_byte(response) != have:
            file.truncate(0)
            have = 0
        if response.status_code == 206 and _first_byte(response) != have:
            raise _TryAgainError(response.status_code)
        free = shutil.disk_usage(path.parent).free
        if total is not None and total - have > free:
            raise InputError(f"{path} needs {total - have:,} more bytes, {free:,} are free")
        _remember(mark, response)
        with progress_bar(total or 0, path.name, "B", initial=have) as bar:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                file.flush()
                bar.update(len(chunk))
    arrived = os.fstat(file.fileno()).st_size
    if total is not None and arrived != total:
        file.truncate(min(arrived, total))
        raise requests.ConnectionError(f"{arrived:,} of {total:,} bytes")
    return _digest(response)


def _mark_of(path: Path) -> Path:
    """Names the file that keeps the server's mark of the version being downloaded."""
    return path.with_name(f".{path.name}.part.etag")


def _remember(mark: Path, response: requests.Response) -> None:
    """Keeps the version's strong mark, without which a download cannot be continued safely."""
    tag = response.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        mark.write_text(tag)
    else:
        mark.unlink(missing_ok=True)


def _total(response: requests.Response, have: int) -> int | None:
    """Finds the length of the whole file in an answer's headers."""
    given = re.fullmatch(
        r"bytes (?:\d+-\d+|\*)/(\d+)", response.headers.get("Content-Range", "").strip()
    )
    if given:
        return int(given[1])
    length = response.headers.get("Content-Length", "")
    return int(length) if response.status_code == 200 and length.isdigit() else None


def _first_byte(response: requests.Response) -> int:
    """Finds the offset at which a partial answer begins; -1 when it does not say."""
    given = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(given[1]) if given else -1


def _digest(response: requests.Response) -> str | None:
    """Finds the file's SHA-256 among the headers of the answer and of the redirects to it."""
    for answer in (*response.history, response):
        given = SHA256.fullmatch(answer.headers.get("X-Linked-Etag", ""))
        if given:
            return given[1]
    return None
