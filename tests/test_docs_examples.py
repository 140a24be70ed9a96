"""The scripts of docs/examples run, and print and write what they say."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from submission.config.configuration import changed_settings, load_configuration
from submission.data.standin.render import render_file

ROOT = Path(__file__).parents[1]
GRID = (2, 2, 2, 1, 2, 3, 3)


def run(name: str, *words: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"docs.examples.{name}", *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Serves a small rendered file in place of MPI3D's."""
    render_file("standin_real", GRID, tmp_path / "served/images.npz")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "served")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/images.npz"
        server.shutdown()


def test_own_model_finds_the_mixed_factors() -> None:
    lines = run("own_model", "sap", "mig").splitlines()
    gaps = {words[0]: float(words[3]) for words in map(str.split, lines[1:4])}
    assert gaps["size"] > 0.9
    assert max(gaps["row"], gaps["column"]) < 0.5
    assert any(line.startswith("my model") for line in lines)


def test_mpi3d_goes_from_download_to_report(tmp_path: Path, address: str) -> None:
    printed = run(
        "mpi3d",
        *("--without-training", "--url", address, "--metric", "mig", "--metric", "sap"),
        AICROWD_OUTPUT_PATH=str(tmp_path / "shared"),
        DISENTANGLEMENT_LIB_DATA=str(tmp_path / "dataset"),
    )
    assert f"$ python -m submission data fetch mpi3d_real --url {address}" in printed
    folder = tmp_path / "shared/mpi3d"
    assert np.load(folder / "pixels.npy", allow_pickle=False).shape == (np.prod(GRID), 12)
    assert {"mig", "sap"} <= set(json.loads((folder / "scores.json").read_text())["scores"])
    assert (folder / "report.html").is_file()


def test_new_preset_differs_in_two_settings(tmp_path: Path) -> None:
    mine = tmp_path / "mine.gin"
    lines = run("new_preset", str(mine)).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["Fit.beta_end", "Fit.seed"]
    shipped = changed_settings(load_configuration(Path("configs/best.gin")))
    changed = changed_settings(load_configuration(mine))
    assert changed == {**shipped, "Fit.beta_end": 1.2, "Fit.seed": 1}
