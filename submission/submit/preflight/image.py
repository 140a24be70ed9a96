"""Checks that the Dockerfile builds what the server can run."""

import re
import shutil
import subprocess
import sys
import sysconfig
from fnmatch import fnmatch
from pathlib import Path

from submission.submit.preflight.finding import Finding, judge
from submission.submit.repository import Repository

__all__ = ["check_image"]

HOME = "/home/aicrowd"
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


def check_image(repository: Repository) -> Finding:
    """Checks user, place of the code and start of the commit's Dockerfile, and what it copies.

    The linter `hadolint` reads it too; what it calls an error or a warning counts.
    """
    text = repository.read("Dockerfile")
    ignored = repository.read(".dockerignore") or ""
    fix = "correct Dockerfile and .dockerignore (git diff shows what you changed), then commit"
    wrong = ["Dockerfile is not in the commit"]
    if text is not None:
        wrong = [*_faults(text), *_missing(text, repository)]
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
        f"user aicrowd (1001), code in {HOME}, starts run.sh; hadolint finds nothing",
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


def _instructions(text: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    lines = (line.strip().partition(" ") for line in joined.splitlines() if line.strip())
    return [(word.upper(), rest.strip()) for word, _, rest in lines]


def _faults(text: str) -> list[str]:
    instructions = _instructions(text)
    runs = " ".join(rest for word, rest in instructions if word == "RUN")
    users = [rest.split(":")[0] for word, rest in instructions if word == "USER"]
    starts = [rest for word, rest in instructions if word in ("CMD", "ENTRYPOINT")]
    wrong = []
    if not any(word == "FROM" for word, _ in instructions):
        wrong.append("there is no FROM")
    made = re.search(r"(useradd|adduser)([^&;|]*)\baicrowd\b", runs)
    if made is None:
        wrong.append("no user aicrowd is made")
    elif not re.search(r"(-u|--uid)[ =]?1001\b", made.group(2)):
        wrong.append("user aicrowd does not have uid 1001")
    if not users or users[-1] not in ("aicrowd", "1001"):
        wrong.append(f"it runs as {users[-1] if users else 'root'}, expected aicrowd")
    if not _copies_code(instructions):
        wrong.append(f"the code is not copied to {HOME}")
    if "requirements.lock" not in runs:
        wrong.append("requirements.lock is not installed")
    if not starts or "run.sh" not in starts[-1]:
        wrong.append("it does not start run.sh")
    return wrong


def _missing(text: str, repository: Repository) -> list[str]:
    """Names what a COPY takes from the folder and the commit does not have."""
    there = {path for file in repository.tracked() for path in (file, *file.parents)}
    wrong = []
    for word, rest in _instructions(text):
        if word != "COPY" or "--from=" in rest or rest.startswith("["):
            continue
        given = [part for part in rest.split() if not part.startswith("--")]
        wrong += [
            f"it copies {source}, which is not in the commit"
            for source in given[:-1]
            if source != "requirements.lock"  # its own check tells
            and not any(mark in source for mark in "*?[$")
            and Path(source) not in there
        ]
    return wrong


def _copies_code(instructions: list[tuple[str, str]]) -> bool:
    """Tells whether some COPY puts the whole folder to the place of the code."""
    place = ""
    for word, rest in instructions:
        if word == "FROM":
            place = ""
        elif word == "WORKDIR":
            place = rest.rstrip("/")
        elif word in ("COPY", "ADD"):
            paths = [part for part in rest.split() if not part.startswith("--")]
            target = paths[-1].rstrip("/") if paths else ""
            target = place if target in (".", "") else target
            if paths[:1] in (["."], ["./"]) and target == HOME:
                return True
    return False


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
