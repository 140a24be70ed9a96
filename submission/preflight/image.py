"""Checks that the Dockerfile builds what the server can run."""

import re
import shutil
import subprocess
from fnmatch import fnmatch

from submission.preflight.finding import Finding, judge
from submission.repository import Repository

__all__ = ["check_image"]

HOME = "/home/aicrowd"
NEEDED = ("run.sh", "python.sh", "train_pytorch.py", "submission", "configs", "weights")


def check_image(repository: Repository) -> Finding:
    """Checks user, place of the code and start of the commit's Dockerfile, and what it copies.

    Where `hadolint` is installed, what it calls an error counts too.
    """
    text = repository.read("Dockerfile")
    ignored = repository.read(".dockerignore") or ""
    wrong = ["Dockerfile is not in the commit"] if text is None else _faults(text)
    wrong += [f".dockerignore leaves {name} out" for name in NEEDED if _is_ignored(name, ignored)]
    wrong += _lint(text or "")
    return judge(
        "Dockerfile",
        wrong,
        f"user aicrowd (1001), code in {HOME}, starts run.sh",
        "correct Dockerfile and .dockerignore (git diff shows what you changed), then commit",
    )


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


def _lint(text: str) -> list[str]:
    program = shutil.which("hadolint")
    if program is None or not text:
        return []
    done = subprocess.run(  # noqa: S603
        [program, "--no-color", "--failure-threshold", "error", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return []
    return [line.removeprefix("-:") for line in done.stdout.splitlines() if " error: " in line]
