"""Installs into the image the locked packages that training needs.

    packages.py cuda|cpu [INDEX]

It runs while the image is built, beside `requirements.lock` and `left_out.txt`, with nothing but
Python and pip. "cpu" takes PyTorch from INDEX, which must serve one that was built without GPU
libraries. Without an index it takes the usual PyTorch and deletes the GPU libraries that it does
not load when it starts.
"""

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PIP = ("install", "--no-cache-dir", "--no-deps", "--no-compile", "--root-user-action=ignore")
GPU = re.compile(r"(nvidia|cuda)-")
STARTED = """
import pathlib, torch, torchvision
print(pathlib.Path(torch.__file__).parents[1] / "nvidia")
for line in open("/proc/self/maps"):
    print(line.rstrip().partition("/")[1] + line.rstrip().partition("/")[2])
"""


def key_of(line: str) -> str:
    """Brings a package's name, with or without version, to one spelling."""
    return re.sub(r"[-_.]+", "-", line.split("==")[0].strip()).lower()


def lines_of(path: Path) -> list[str]:
    """Reads a file's lines without comments and empty lines."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def pip(*words: str) -> None:
    """Runs pip and ends with its status if it fails."""
    done = subprocess.run([sys.executable, "-m", "pip", *PIP, *words], check=False)  # noqa: S603
    if done.returncode != 0:
        sys.exit(done.returncode)


def delete_unloaded() -> None:
    """Deletes the GPU libraries that are not loaded once PyTorch has started."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", STARTED], check=True, capture_output=True, text=True
    )
    folder, *loaded = done.stdout.splitlines()
    for path in Path(folder).rglob("*"):
        if path.is_file() and re.search(r"\.(so|a)(\.|$)", path.name) and str(path) not in loaded:
            path.unlink()


def main(packages: str, index: str = "") -> None:
    """Installs the packages.

    Args:
        packages: "cuda" or "cpu".
        index: of a PyTorch without GPU libraries; for "cpu" only.
    """
    if packages not in ("cuda", "cpu"):
        sys.exit(f"error: expected PACKAGES to be cuda or cpu, got {packages}")
    if packages == "cuda" and index:
        sys.exit("error: expected TORCH_INDEX with PACKAGES=cpu only, got it with cuda")
    left_out = {key_of(line) for line in lines_of(FOLDER / "left_out.txt")}
    wanted = [
        line for line in lines_of(FOLDER / "requirements.lock") if key_of(line) not in left_out
    ]
    if index:
        torch = [line for line in wanted if key_of(line) in ("torch", "torchvision")]
        pip("--index-url", index, *torch)
        wanted = [line for line in wanted if line not in torch and not GPU.match(line)]
    pip(*wanted)
    if packages == "cpu" and not index:
        delete_unloaded()


if __name__ == "__main__":
    main(*sys.argv[1:])
