"""A small project in a git repository of its own, which passes preflight, for tests to break."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from submission.files import write_json
from submission.submit.rehearsal.run import result_path
from submission.submit.repository import Repository

RUN = """#!/usr/bin/env bash
echo "nothing is trained here"
"""
DOCKERFILE = """FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 1001 aicrowd
WORKDIR /home/aicrowd
COPY requirements.lock .
RUN pip install --no-cache-dir --no-deps --requirement requirements.lock
COPY --chown=aicrowd:aicrowd . .
USER aicrowd
CMD ["/home/aicrowd/run.sh"]
"""
DESCRIPTION = {
    "challenge_id": "aicrowd-neurips-2019-disentanglement-challenge",
    "grader_id": "aicrowd-neurips-2019-disentanglement-challenge",
    "authors": ["somebody"],
    "description": "A test",
    "license": "MIT",
    "gpu": False,
}


def isolate_git(patch: pytest.MonkeyPatch) -> None:
    """Keeps the user's git settings out of a test."""
    for name in list(os.environ):
        if name.startswith("GIT_"):
            patch.delenv(name)
    for name, value in {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "somebody",
        "GIT_AUTHOR_EMAIL": "somebody@example.org",
        "GIT_COMMITTER_NAME": "somebody",
        "GIT_COMMITTER_EMAIL": "somebody@example.org",
    }.items():
        patch.setenv(name, value)


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=A step")


def make_project(folder: Path) -> Repository:
    """Makes a project of one commit that has everything but a rehearsal."""
    folder.mkdir(parents=True)
    weights = "weights"
    card = {"sha256": hashlib.sha256(weights.encode()).hexdigest()}
    write(
        folder,
        {
            "run.sh": RUN,
            "aicrowd.json": json.dumps(DESCRIPTION),
            "Dockerfile": DOCKERFILE,
            ".dockerignore": ".git\nscratch\ntests\n**/__pycache__\n",
            ".gitignore": "/scratch/\n",
            "requirements.txt": "# what it needs\nnumpy>=1.26,<2\nPyYAML\n",
            "requirements.lock": "numpy==1.26.4\npyyaml==6.0.2\n",
            "weights/extractor.safetensors": weights,
            "weights/extractor.json": json.dumps(card),
        },
    )
    (folder / "run.sh").chmod(0o755)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return Repository(folder)


def pretend_rehearsal(repository: Repository) -> None:
    """Writes down that the current commit has passed its rehearsal."""
    write_json(
        result_path(repository),
        {"commit": repository.commit, "config": None, "network": False, "seconds": 1.0},
    )
