"""Downloads a large file in pieces that survive cut connections and interrupted runs."""

import hashlib
import json
import os
import re
import time
from io import BufferedRandom
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import LocationParseError

from submission.console import progress_bar, say
from submission.errors import InputError, UserError
from submission.files import locked, require_room, writing

__all__ = ["DownloadError", "download"]

CHUNK = 1 << 16
"""At most so many bytes are lost with a connection."""

TIMEOUT = (10, 60)
"""Seconds to connect, and seconds of silence until a connection counts as lost."""

TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
TRANSIENT = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
SHA256 = re.compile(r'"?([0-9a-f]{64})"?')


class DownloadError(UserError, ConnectionError):
    """A server cannot be reached, or stopped answering."""


class _Version(NamedTuple):
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
    """Downloads a file, continuing where an earlier attempt or run stopped.

    What has arrived is kept in a hidden file beside `path`, with the server's mark of the version
    and its length. A download continues when the server still serves that version; where the server
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
        with part.open("ab+") as file:
            digest = _receive_all(url, path, file, retries, pause)
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
    url: str, path: Path, file: BufferedRandom, retries: int, pause: float
) -> str | None:
    """Receives until the unfinished file is whole, connecting anew when a connection is lost.

    Returns:
        The SHA-256 that the server names, None if it names none.
    """
    failures = 0
    while True:
        before = os.fstat(file.fileno()).st_size
        try:
            return _receive(url, path, file)
        except TRANSIENT as error:
            arrived = os.fstat(file.fileno()).st_size
            failures = 1 if arrived > before else failures + 1
            if failures > retries:
                raise DownloadError(
                    f"cannot reach {urlsplit(url).netloc} ({type(error).__name__}); run this "
                    f"again to continue at {arrived:,} bytes, or fetch {url} elsewhere and put "
                    f"it at {path}"
                ) from error
            say(f"connection lost at {arrived:,} bytes, trying again")
            time.sleep(min(pause * 2 ** (failures - 1), 30.0))
        except (requests.RequestException, LocationParseError) as error:
            raise InputError(f"expected the address of a file, got {url!r}: {error}") from error


def _receive(url: str, path: Path, file: BufferedRandom) -> str | None:
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
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        status = response.status_code
        if status in TEMPORARY:
            raise requests.ConnectionError(f"status {status}")
        first, served = _served_version(response)
        continues = known is not None and _continues(known, served)
        if status == 416 and served.num_bytes == have and continues:
            return _digest(response)
        if status == 416 or (status == 206 and not (continues and first == have)):
            file.truncate(0)
            raise requests.ConnectionError(f"status {status}")
        if status not in (200, 206):
            raise InputError(f"expected {url}, the server answers {status}")
        if status == 200:
            file.truncate(0)
            have = 0
        if served.num_bytes is not None:
            require_room(path, served.num_bytes - have)
        _mark_of(path).write_text(json.dumps(served._asdict()), encoding="utf-8")
        with progress_bar(served.num_bytes or 0, path.name, "B", initial=have) as bar:
            for chunk in response.iter_content(CHUNK):
                with writing(path):
                    file.write(chunk)
                    file.flush()  # so that it survives the process
                bar.update(len(chunk))
    arrived = os.fstat(file.fileno()).st_size
    if served.num_bytes is not None and arrived != served.num_bytes:
        file.truncate(min(arrived, served.num_bytes))
        raise requests.ConnectionError(f"{arrived:,} of {served.num_bytes:,} bytes")
    return _digest(response)


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


def _continues(known: _Version, served: _Version) -> bool:
    """Tells whether a partial answer belongs to the version of which the beginning is there."""
    if None not in (known.num_bytes, served.num_bytes) and known.num_bytes != served.num_bytes:
        return False
    if known.etag and served.etag and known.etag != served.etag:
        return False
    return known.is_certain or known.num_bytes == served.num_bytes is not None


def _served_version(response: requests.Response) -> tuple[int | None, _Version]:
    """Finds in an answer's headers where it begins, and mark and length of the whole file."""
    etag, length = (response.headers.get(name, "") for name in ("ETag", "Content-Length"))
    if given := RANGE.fullmatch(response.headers.get("Content-Range", "").strip()):
        first, total = given.groups()
        version = _Version(etag, int(total) if total.isdigit() else None)
        return int(first) if first else None, version
    is_whole = response.status_code == 200 and length.isdigit()
    return None, _Version(etag, int(length) if is_whole else None)


def _digest(response: requests.Response) -> str | None:
    """Finds the file's SHA-256 among the headers of the answer and of the redirects to it."""
    for answer in (*response.history, response):
        given = SHA256.fullmatch(answer.headers.get("X-Linked-Etag", ""))
        if given:
            return given[1]
    return None
