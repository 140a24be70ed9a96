"""Downloads arrive whole whatever the connection does, or not at all."""

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from submission.cli import main
from submission.data.download import download
from submission.files import locked
from tests.file_server import CONTENT, Server
from tests.image_sets import ALL_VALUES, LONG_AXES, rendered_images

NAME = "mpi3d_realistic"
PIECE = 1 << 16


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()
    thread = threading.Thread(target=served.serve_forever, args=(0.02,))
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def remaining(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_connection_cut_twice_is_continued(server: Server, tmp_path: Path) -> None:
    server.cuts = [20 * PIECE + 77, 10 * PIECE + 77]
    download(server.url, tmp_path / "images.npz", pause=0)
    assert (tmp_path / "images.npz").read_bytes() == CONTENT
    assert server.requests == ["", f"bytes={20 * PIECE}-", f"bytes={30 * PIECE}-"]
    assert remaining(tmp_path) == ["images.npz"]


def test_a_later_run_goes_on_where_an_earlier_one_stopped(server: Server, tmp_path: Path) -> None:
    server.cuts = [15 * PIECE, 0]
    with pytest.raises(ConnectionError, match="run this again to continue at 983,040 bytes"):
        download(server.url, tmp_path / "images.npz", retries=0, pause=0)
    assert not (tmp_path / "images.npz").exists()
    server.requests.clear()
    server.cuts = []
    download(server.url, tmp_path / "images.npz", pause=0)
    assert server.requests == ["bytes=983040-"]
    assert (tmp_path / "images.npz").read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_not_mixed(server: Server, tmp_path: Path) -> None:
    server.cuts = [1_000_000, 0]
    with pytest.raises(ConnectionError):
        download(server.url, tmp_path / "images.npz", retries=0, pause=0)
    server.content, server.etag, server.cuts = CONTENT[::-1], '"two"', []
    download(server.url, tmp_path / "images.npz", pause=0)
    assert (tmp_path / "images.npz").read_bytes() == CONTENT[::-1]


def test_a_server_without_ranges_is_asked_from_the_start(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.cuts = [500_000, 700_000]
    download(server.url, tmp_path / "images.npz", pause=0)
    assert (tmp_path / "images.npz").read_bytes() == CONTENT


@pytest.mark.parametrize("etag", ["", 'W/"one"'])
def test_without_a_strong_mark_a_download_goes_on_by_length(
    etag: str, server: Server, tmp_path: Path
) -> None:
    server.etag = etag
    server.cuts = [15 * PIECE, 0]
    with pytest.raises(ConnectionError):
        download(server.url, tmp_path / "images.npz", retries=0, pause=0)
    server.requests.clear()
    server.cuts = []
    download(server.url, tmp_path / "images.npz", pause=0)
    assert server.requests == [f"bytes={15 * PIECE}-"]
    assert (tmp_path / "images.npz").read_bytes() == CONTENT


@pytest.mark.parametrize("change", ["length", "weak mark"])
def test_without_a_strong_mark_another_version_starts_anew(
    change: str, server: Server, tmp_path: Path
) -> None:
    server.etag = 'W/"one"' if change == "weak mark" else ""
    server.cuts = [15 * PIECE, 0]
    with pytest.raises(ConnectionError):
        download(server.url, tmp_path / "images.npz", retries=0, pause=0)
    server.content = CONTENT[::-1] if change == "weak mark" else CONTENT[::-1] + b"more"
    server.etag = server.etag.replace("one", "two")
    server.cuts = []
    download(server.url, tmp_path / "images.npz", pause=0)
    assert (tmp_path / "images.npz").read_bytes() == server.content


def test_a_server_that_forgets_its_mark_is_judged_by_length(server: Server, tmp_path: Path) -> None:
    server.cuts = [15 * PIECE, 0]
    with pytest.raises(ConnectionError):
        download(server.url, tmp_path / "images.npz", retries=0, pause=0)
    server.content, server.etag, server.careless = CONTENT[::-1] + b"more", "", True
    server.cuts = []
    download(server.url, tmp_path / "images.npz", pause=0)
    assert (tmp_path / "images.npz").read_bytes() == server.content


def test_a_mixture_of_two_versions_of_one_length_is_discarded(
    server: Server, tmp_path: Path
) -> None:
    server.etag = ""
    server.cuts = [15 * PIECE, 0]
    with pytest.raises(ConnectionError):
        download(server.url, tmp_path / "images.npz", retries=0, pause=0)
    server.content, server.cuts = CONTENT[::-1], []
    server.digest = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(ValueError, match=r"SHA-256.*discarded"):
        download(server.url, tmp_path / "images.npz", pause=0)
    download(server.url, tmp_path / "images.npz", pause=0)
    assert (tmp_path / "images.npz").read_bytes() == server.content


@pytest.mark.parametrize(
    "url", ["no address", "ftp://127.0.0.1/a.npz", "http://", f"http://{'a' * 70}.com/a.npz"]
)
def test_what_is_no_address_is_one_line(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"expected the address of a file, got '{url}'"):
        download(url, tmp_path / "images.npz", pause=0)


def arrived(folder: Path, content: bytes, etag: str) -> None:
    """Leaves what a run that was interrupted leaves."""
    version = {"etag": etag, "num_bytes": len(CONTENT)}
    (folder / ".images.npz.part").write_bytes(content)
    (folder / ".images.npz.part.version").write_text(json.dumps(version))


def test_what_arrived_whole_in_an_interrupted_run_is_kept(server: Server, tmp_path: Path) -> None:
    arrived(tmp_path, CONTENT, server.etag)
    download(server.url, tmp_path / "images.npz", pause=0)
    assert server.requests == [f"bytes={len(CONTENT)}-"]
    assert (tmp_path / "images.npz").read_bytes() == CONTENT


def test_a_remainder_longer_than_the_file_is_discarded(server: Server, tmp_path: Path) -> None:
    arrived(tmp_path, CONTENT + b"more", server.etag)
    download(server.url, tmp_path / "images.npz", pause=0)
    assert (tmp_path / "images.npz").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.busy = 3
    download(server.url, tmp_path / "images.npz", pause=0)
    assert (tmp_path / "images.npz").read_bytes() == CONTENT


def test_the_announced_hash_is_verified(server: Server, tmp_path: Path) -> None:
    server.digest = hashlib.sha256(CONTENT).hexdigest()
    download(server.url, tmp_path / "right.npz", pause=0)
    server.digest = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(ValueError, match="expected SHA-256"):
        download(server.url, tmp_path / "wrong.npz", pause=0)
    assert not (tmp_path / "wrong.npz").exists()


def test_a_missing_file_is_refused_at_once(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(ValueError, match="answers 404"):
        download(server.url, tmp_path / "images.npz", pause=0)
    assert len(server.requests) == 1


def test_two_downloads_of_one_file_do_not_meet(server: Server, tmp_path: Path) -> None:
    expected = pytest.raises(ValueError, match=f"{tmp_path}.*an earlier download")
    with locked(tmp_path, "an earlier download"), expected:
        download(server.url, tmp_path / "images.npz", pause=0)
    assert server.requests == []


def test_offline_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mpi3d_real.npz"
    url = "http://127.0.0.1:9/mpi3d_real.npz"
    with pytest.raises(ConnectionError, match=f"cannot reach 127.0.0.1:9 .*put it at {path}"):
        download(url, path, retries=1, pause=0)


def served_file(path: Path, name: str, sizes: tuple[int, ...]) -> bytes:
    """Writes the images of a stand-in under another name and returns the file's bytes."""
    np.savez(path, images=rendered_images(name, sizes), factor_sizes=np.array(sizes))
    return path.read_bytes()


def test_fetch_checks_what_it_fetched(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.content = served_file(tmp_path / "served.npz", "mpi3d_real", LONG_AXES)
    command = ["data", "fetch", "mpi3d_real", "--folder", str(tmp_path), "--url", server.url]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "May 2024 to April 2025 was corrupt" in printed
    assert "no fault was found in mpi3d_real" in printed
    assert main(command) == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", ["colours", "length", "noise"])
def test_fetch_puts_aside_what_is_not_the_set(
    fault: str, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "served.npz"
    server.content = served_file(path, "mpi3d_toy" if fault == "colours" else NAME, ALL_VALUES)
    if fault != "colours":
        images = np.load(path)["images"]
        if fault == "length":
            np.savez(path, images=images)
        else:
            order = np.random.default_rng(0).permutation(len(images))
            np.savez(path, images=images[order], factor_sizes=np.array(ALL_VALUES))
        server.content = path.read_bytes()
    command = ["data", "fetch", NAME, "--folder", str(tmp_path), "--url", server.url]
    assert main(command) == 1
    error = capsys.readouterr().err
    expected = {
        "colours": "expected channel means 0.180 0.205 0.181 of mpi3d_realistic",
        "length": "6 x 6 x 2 x 3 x 3 x 40 x 40 = 1,036,800 or",
        "noise": "out of order",
    }[fault]
    assert expected in error
    assert remaining(tmp_path / NAME) == [f"{NAME}.npz.refused"]


def test_a_set_without_a_known_place_needs_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "fetch", "mpi3d_real_complex", "--folder", str(tmp_path)]) == 1
    assert "give one with --url" in capsys.readouterr().err
