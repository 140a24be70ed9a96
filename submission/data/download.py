"""Downloads a large file in pieces that survive cut connections and interrupted runs."""

import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import asdict, dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from submission.console import progress_bar, say
from submission.errors import InputError, OutputError, UserError
from submission.files import locked

__all__ = ["DownloadError", "download"]

CHUNK = 1 << 16
"""At most so many bytes are lost with a connection."""

TIMEOUT = (10, 60)
"""Seconds to connect, and seconds of silence until a connection counts as lost."""

TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
TRANSIENT = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
SHA256 = re.compile(r'"?([0-9a-f]{64})"?')


class DownloadError(UserError, ConnectionError):
    """A server cannot be reached, or stopped answering."""


class _TryAgainError(Exception):
    """The server is busy for now."""


@dataclass(frozen=True)
class _Version:
    """What a server says of the version of the file that it serves.

    Attributes:
        etag: the mark of the version; empty when the server gives none. A weak mark begins with W/.
        num_bytes: length of the whole file; None when the server does not say.
    """

    etag: str
    num_bytes: int | None

    @property
    def is_certain(self) -> bool:
        """Whether equal marks mean equal bytes."""
        return bool(self.etag) and not self.etag.startswith("W/")


def download(url: str, path: Path, retries: int = 5, pause: float = 1.0) -> None:
    """Downloads a file, going on where an earlier attempt or run stopped.

    What has arrived is kept in a hidden file beside `path`, with the server's mark of the version
    and its length. A download goes on when the server still serves that version; where the server
    gives no reliable mark, when it still serves a file of that length. The length, and the SHA-256
    where the server names one, are verified. The caller checks the content.

    Args:
        url: of the file.
        path: where to put it.
        retries: attempts in a row without a new byte before giving up.
        pause: seconds before the first such attempt; doubled each time, at most 30.

    Raises:
        DownloadError: if the server cannot be reached.
        InputError: if the server has no such file, another process is downloading it, or what
            arrived is not what was announced.
        OutputError: if the disk cannot take the file.
    """
    part = path.with_name(f".{path.name}.part")
    with locked(path.parent, f"download of {path.name}"):
        with part.open("ab+") as file, requests.Session() as session:
            digest = _receive_all(session, url, path, file, (retries, pause))
            if digest is not None:
                file.seek(0)
                found = hashlib.file_digest(file, "sha256").hexdigest()
                if found != digest:
                    file.truncate(0)
                    raise InputError(
                        f"expected SHA-256 {digest} of {url}, got {found}; what arrived was "
                        "discarded, fetch it again"
                    )
            os.fsync(file.fileno())
        part.replace(path)
        _mark_of(path).unlink(missing_ok=True)


def _receive_all(
    session: requests.Session,
    url: str,
    path: Path,
    file: BufferedRandom,
    patience: tuple[int, float],
) -> str | None:
    """Receives until the file is whole, connecting anew when a connection is lost.

    Args:
        session: of the connection.
        url: of the file.
        path: where it will be.
        file: the unfinished file.
        patience: retries and pause, as `download` takes them.

    Returns:
        The SHA-256 that the server names, None if it names none.
    """
    retries, pause = patience
    failures = 0
    while True:
        before = os.fstat(file.fileno()).st_size
        try:
            return _receive(session, url, path, file)
        except (*TRANSIENT, _TryAgainError) as error:
            arrived = os.fstat(file.fileno()).st_size
            failures = 1 if arrived > before else failures + 1
            if failures > retries:
                raise DownloadError(
                    f"cannot reach {urlsplit(url).netloc} ({type(error).__name__}); run this "
                    f"again to go on at {arrived:,} bytes, or fetch {url} elsewhere and put "
                    f"it at {path}"
                ) from error
            say(f"connection lost at {arrived:,} bytes, trying again")
            time.sleep(min(pause * 2 ** (failures - 1), 30.0))
        except requests.RequestException as error:
            raise InputError(f"expected the address of a file, got {url!r}: {error}") from error


def _receive(session: requests.Session, url: str, path: Path, file: BufferedRandom) -> str | None:
    """Receives what is missing of the file.

    Returns:
        The SHA-256 that the server names, None if it names none.
    """
    have = os.fstat(file.fileno()).st_size
    known = _known_version(path) if have else None
    headers = {"Accept-Encoding": "identity"}
    if known is not None:
        headers["Range"] = f"bytes={have}-"
        if known.is_certain:
            headers["If-Range"] = known.etag
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code in TEMPORARY:
            raise _TryAgainError(response.status_code)
        served = _served_version(response)
        if response.status_code == 416 and served.num_bytes == have and _continues(known, served):
            return _digest(response)
        if response.status_code == 416:
            file.truncate(0)
            raise _TryAgainError(response.status_code)
        if response.status_code not in (200, 206):
            raise InputError(f"expected {url}, the server answers {response.status_code}")
        if response.status_code == 206:
            if _first_byte(response) != have or not _continues(known, served):
                file.truncate(0)
                raise _TryAgainError(response.status_code)
        else:
            file.truncate(0)
            have = 0
        if served.num_bytes is not None:
            _require_room(path, served.num_bytes - have)
        _mark_of(path).write_text(json.dumps(asdict(served)), encoding="utf-8")
        with progress_bar(served.num_bytes or 0, path.name, "B", initial=have) as bar:
            for chunk in response.iter_content(CHUNK):
                _append(file, chunk, path)
                bar.update(len(chunk))
    arrived = os.fstat(file.fileno()).st_size
    if served.num_bytes is not None and arrived != served.num_bytes:
        file.truncate(min(arrived, served.num_bytes))
        raise requests.ConnectionError(f"{arrived:,} of {served.num_bytes:,} bytes")
    return _digest(response)


def _require_room(path: Path, num_bytes: int) -> None:
    """Refuses a download that the disk cannot take."""
    free = shutil.disk_usage(path.parent).free
    if num_bytes > free:
        raise OutputError(
            f"expected room for {path}, which needs {num_bytes:,} more bytes, got {free:,} free; "
            "free some space or choose another --folder"
        )


def _append(file: BufferedRandom, chunk: bytes, path: Path) -> None:
    """Writes what arrived at once, so that it survives the process."""
    try:
        file.write(chunk)
        file.flush()
    except OSError as error:
        raise OutputError(
            f"expected to write {path}, got {error.strerror}; free some space and run this again "
            "to go on"
        ) from error


def _mark_of(path: Path) -> Path:
    """Names the file that keeps which version is being downloaded."""
    return path.with_name(f".{path.name}.part.version")


def _known_version(path: Path) -> _Version | None:
    """Reads which version the unfinished file belongs to; None when that is not known."""
    try:
        content: Any = json.loads(_mark_of(path).read_text(encoding="utf-8"))
        return _Version(str(content["etag"]), content["num_bytes"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _continues(known: _Version | None, served: _Version) -> bool:
    """Tells whether a partial answer belongs to the version of which the beginning is there."""
    if known is None:
        return False
    if None not in (known.num_bytes, served.num_bytes) and known.num_bytes != served.num_bytes:
        return False
    if known.etag and served.etag and known.etag != served.etag:
        return False
    return known.is_certain or known.num_bytes == served.num_bytes is not None


def _served_version(response: requests.Response) -> _Version:
    """Finds mark and length of the whole file in an answer's headers."""
    etag = response.headers.get("ETag", "")
    given = re.fullmatch(
        r"bytes (?:\d+-\d+|\*)/(\d+)", response.headers.get("Content-Range", "").strip()
    )
    if given:
        return _Version(etag, int(given[1]))
    length = response.headers.get("Content-Length", "")
    is_whole = response.status_code == 200 and length.isdigit()
    return _Version(etag, int(length) if is_whole else None)


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
