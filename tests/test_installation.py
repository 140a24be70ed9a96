"""Installs into an environment of its own, from package indexes that lie in folders."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.sources import ROOT

LOCK = ("torch", "torchvision", "nvidia-cublas", "cuda-bindings", "triton", "other")
PROGRAM = """
set -euo pipefail
project=$PWD
source ./python.sh
"$PYTHON" -m pip freeze --disable-pip-version-check
"""


def add_wheel(index: Path, name: str, version: str) -> None:
    """Adds a package with nothing in it to an index."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    folder = index / name
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    links = (f'<a href="{quote(wheel.name)}">{wheel.name}</a>' for wheel in folder.glob("*.whl"))
    (folder / "index.html").write_text("\n".join(links))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "image").mkdir(parents=True)
    shutil.copy(ROOT / "python.sh", folder)
    (folder / "requirements.lock").write_text("".join(f"{name}==1.0\n" for name in LOCK))
    return folder


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Variables with which pip asks an index in a folder, and nothing else."""
    for name in LOCK:
        add_wheel(tmp_path / "usual", name, "1.0")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    index = (tmp_path / "usual").as_uri()
    return {**kept, "PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": index, "PIP_RETRIES": "0"}


def set_up(project: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", PROGRAM],
        cwd=project,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_pytorch_can_come_without_the_libraries_of_gpus(
    project: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    for name in ("torch", "torchvision"):
        add_wheel(tmp_path / "cpu", name, "1.0+cpu")
    chosen = {**variables, "TORCH_INDEX": (tmp_path / "cpu").as_uri()}
    first = set_up(project, chosen)
    assert first.returncode == 0, first.stderr
    installed = ["other==1.0", "torch==1.0+cpu", "torchvision==1.0+cpu"]
    assert first.stdout.splitlines()[-3:] == installed
    again = set_up(project, variables)
    assert again.stdout.splitlines() == installed


def test_an_index_of_the_usual_pytorch_is_refused_and_the_next_start_installs_everything_once(
    project: Path, variables: dict[str, str]
) -> None:
    refused = set_up(project, {**variables, "TORCH_INDEX": variables["PIP_INDEX_URL"]})
    assert refused.returncode == 1
    *_, line = refused.stderr.splitlines()
    assert "TORCH_INDEX" in line
    assert variables["PIP_INDEX_URL"] in line

    first = set_up(project, variables)
    assert first.returncode == 0, first.stderr
    assert "setting up" in first.stdout
    installed = sorted(f"{name}==1.0" for name in LOCK)
    assert first.stdout.splitlines()[-len(LOCK) :] == installed
    assert set_up(project, variables).stdout.splitlines() == installed
