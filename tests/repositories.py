"""A small git repository that passes every check, for tests to break."""

import hashlib
import json
import subprocess
from pathlib import Path

from submission.files import write_json
from submission.preflight.description import CHALLENGE
from submission.rehearsal.run import result_path
from submission.repository import Repository

DOCKERFILE = """FROM python:3.11-slim
RUN useradd --create-home --uid 1001 aicrowd
WORKDIR /home/aicrowd
COPY requirements.lock .
RUN pip install --no-deps --requirement requirements.lock
COPY . .
USER aicrowd
CMD ["/home/aicrowd/run.sh"]
"""


def git(folder: Path, *words: str) -> str:
    """Runs git in a folder."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", *identity, "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str = "change") -> None:
    """Commits everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)


def note_rehearsal(folder: Path) -> None:
    """Writes what a rehearsal of the current commit that passed leaves behind."""
    repository = Repository(folder)
    content = {"commit": repository.commit, "config": None, "network": False, "seconds": 1.0}
    write_json(result_path(repository), content)


def make_submission(folder: Path) -> Path:
    """Makes a repository whose commit is ready to be submitted."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "config", "user.name", "t")
    git(folder, "config", "user.email", "t@example.org")
    description = {
        "challenge_id": CHALLENGE,
        "grader_id": CHALLENGE,
        "authors": ["a"],
        "description": "d",
        "license": "MIT",
        "gpu": True,
    }
    weights = b"weights"
    files = {
        "aicrowd.json": json.dumps(description),
        "run.sh": "#!/usr/bin/env bash\n",
        "Dockerfile": DOCKERFILE,
        ".dockerignore": "scratch\n",
        ".gitignore": "/scratch/\n",
        "requirements.txt": "redis>=4\n",
        "requirements.lock": "redis==5.0.1\n",
        "weights/extractor.json": json.dumps({"sha256": hashlib.sha256(weights).hexdigest()}),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (folder / "weights/extractor.safetensors").write_bytes(weights)
    (folder / "run.sh").chmod(0o755)
    commit(folder, "ready")
    note_rehearsal(folder)
    return folder
