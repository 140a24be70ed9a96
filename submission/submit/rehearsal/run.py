"""Runs a commit as the evaluation server does and writes down the result."""

import json
import math
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import submission.submit.rehearsal.evaluator
from submission.console import say
from submission.data.image_set import file_of
from submission.data.standin.render import render_file
from submission.errors import InputError, MissingFileError
from submission.files import sha256_of, write_json
from submission.submit.rehearsal.isolation import Isolation, make_read_only, plan_isolation
from submission.submit.rehearsal.packages import LEFT_OUT, hide_packages, read_left_out
from submission.submit.repository import Repository

__all__ = ["RehearsalSettings", "read_rehearsal", "rehearse", "result_path"]

DATASET = "standin_real"
NAME = "rehearsal"
START_SECONDS, SECONDS_PER_IMAGE = 125.0, 0.02
"""Measured with `configs/paper.gin` on two cores: 512 images took 73 s, their scoring 62 s."""


@dataclass(frozen=True)
class RehearsalSettings:
    """What to rehearse with.

    Attributes:
        config: gin file for `run.sh`; None for `run.sh`'s own choice, as on the server.
        grid: sizes of the seven factors of the stand-in that is rendered for the run.
        memory: bytes of private memory that the run may have; 0 for no limit.
    """

    config: Path | None
    grid: tuple[int, ...]
    memory: int


def result_path(repository: Repository) -> Path:
    """Names the file with the result of the current commit's rehearsal."""
    return repository.folder / "scratch" / "rehearsal" / f"{repository.commit}.json"


def read_rehearsal(repository: Repository) -> dict[str, Any] | None:
    """Reads the result of the current commit's rehearsal; None when it has not passed one.

    Raises:
        InputError: if the file is not such a result.
    """
    path = result_path(repository)
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("commit") != repository.commit:
        raise InputError(
            f"expected the rehearsal of {repository.commit[:12]} in {path}, got something else; "
            "rehearse again"
        )
    return content


def rehearse(repository: Repository, settings: RehearsalSettings) -> Path:
    """Runs the commit's `run.sh` as the server would, then scores the exported file.

    - The code is a read-only copy of the commit. HOME cannot be written.
    - The working folder, the data and the output are in other folders.
    - There are the server's variables and no others.
    - Packages that the image leaves out cannot be imported.
    - There is no network, where the machine allows that.
    - A second process without the code scores the exported file.

    Returns:
        The file with the result. A rehearsal that fails leaves none.

    Raises:
        InputError: if the run or the scoring fails, or the run leaves no model or another one.
    """
    path = result_path(repository)
    path.unlink(missing_ok=True)
    isolation = plan_isolation(settings.memory)
    _announce(repository, settings, isolation)
    with _folders(repository, settings) as place:
        words = _config_words(repository, settings.config, place / "code")
        began = time.monotonic()
        _run(isolation, place, words)
        seconds = time.monotonic() - began
        peak_memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        model = _check_output(place / "shared")
        say(
            "scoring the exported file in a process without the code; this takes about a minute "
            "on two idle cores"
        )
        content = {
            "commit": repository.commit,
            "config": None if settings.config is None else str(settings.config),
            "grid": list(settings.grid),
            "memory_limit": settings.memory,
            "network": isolation.network,
            "seconds": round(seconds, 1),
            "peak_memory": peak_memory,
            "model": {"sha256": sha256_of(model), "num_bytes": model.stat().st_size},
            "scored": _score(isolation, place, model),
            "versions": {package: version(package) for package in ("torch", "numpy")},
        }
    write_json(path, content)
    return path


def _announce(repository: Repository, settings: RehearsalSettings, isolation: Isolation) -> None:
    """Says what is rehearsed, what is not, and how long it takes."""
    changes = repository.changes()
    if changes:
        more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
        say(
            "note: the rehearsal and the submission hold what is committed; not committed: "
            f"{', '.join(changes[:3])}{more}"
        )
    say(f"rehearsing {repository.commit[:12]} {_describe(isolation, settings)}")
    minutes = (START_SECONDS + SECONDS_PER_IMAGE * math.prod(settings.grid)) / 60
    say(f"this takes about {max(1, round(minutes))} min on two idle cores")
    say("note: a warning about the event service is right here; only the server has the service")


@contextmanager
def _folders(repository: Repository, settings: RehearsalSettings) -> Iterator[Path]:
    """Yields a folder with code, data and HOME, all read-only, and places to write to."""
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as name:
        place = Path(name)
        try:
            repository.export(place / "code")
            render_file(DATASET, settings.grid, file_of(DATASET, place / "data"))
            for folder in ("shared", "elsewhere", "home", "tmp", "hidden"):
                (place / folder).mkdir()
            hide_packages(read_left_out(repository.read(LEFT_OUT) or ""), place / "hidden")
            for folder in ("code", "data", "home"):
                make_read_only(place / folder)
            yield place
        finally:
            subprocess.run(["chmod", "-R", "u+w", place], check=True)  # noqa: S603, S607


def _describe(isolation: Isolation, settings: RehearsalSettings) -> str:
    words = ["with network (this machine cannot cut it off)"]
    if not isolation.network:
        words = ["without network"]
    if isolation.powers:
        words.append("with root's powers (install setpriv to take them away)")
    if settings.memory:
        words.append(f"within {settings.memory / 2**30:.1f} GiB of memory")
    return ", ".join(words)


def _config_words(repository: Repository, config: Path | None, code: Path) -> list[str]:
    """Names the configuration inside the copy when it is one of the project's."""
    if config is None:
        return []
    found = config if config.is_file() else repository.folder / config
    if not found.is_file():
        raise MissingFileError(
            f"expected a configuration at {config}, got no file; the presets are in configs/"
        )
    top = repository.folder.resolve()
    inside = found.resolve().is_relative_to(top)
    return [str(code / found.resolve().relative_to(top) if inside else found.resolve())]


def _variables(place: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(place / "home"),
        "PYTHONPATH": str(place / "hidden"),
        "TMPDIR": str(place / "tmp"),
        "LANG": "C.UTF-8",
        "AICROWD_IS_GRADING": "true",
        "AICROWD_OUTPUT_PATH": str(place / "shared"),
        "AICROWD_EVALUATION_NAME": NAME,
        "AICROWD_DATASET_NAME": DATASET,
        "DISENTANGLEMENT_LIB_DATA": str(place / "data"),
        "AICROWD_EVENTS_TIMEOUT": "1",
    }


def _run(isolation: Isolation, place: Path, words: list[str]) -> None:
    command = isolation.command(_variables(place), str(place / "code" / "run.sh"), *words)
    done = subprocess.run(command, cwd=place / "elsewhere", check=False)  # noqa: S603
    if done.returncode != 0:
        raise InputError(
            f"expected run.sh to end with status 0, got {done.returncode}; its last lines say why"
        )


def _check_output(shared: Path) -> Path:
    """Finds the exported file and checks what lies beside it."""
    folder = shared / NAME / "representation"
    model = folder / "pytorch_model.pt"
    if not model.is_file():
        raise InputError(
            f"expected run.sh to leave {model.relative_to(shared)} in AICROWD_OUTPUT_PATH, got no "
            "such file; let it call utils_pytorch.export_model"
        )
    if not (folder / "results").is_dir():
        raise InputError(
            f"expected the folder results beside {model.name}, got none; let run.sh make it"
        )
    if (folder / "tfhub").exists():
        raise InputError(
            f"expected no folder tfhub beside {model.name}, got one; let run.sh delete it, since "
            "the evaluator would score it instead"
        )
    return model


def _score(isolation: Isolation, place: Path, model: Path) -> dict[str, Any]:
    program = place / "tmp" / "evaluator.py"
    program.write_bytes(Path(submission.submit.rehearsal.evaluator.__file__).read_bytes())
    result = place / "tmp" / "result.json"
    variables = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(place / "tmp"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    words = [sys.executable, "-I", "-W", "ignore", str(program)]
    words += [str(model), str(file_of(DATASET, place / "data")), str(result)]
    command = isolation.command(variables, *words)
    done = subprocess.run(  # noqa: S603
        command, cwd=place / "tmp", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        reason = re.sub(r"^(error|\w+Error): ", "", lines[-1])
        if done.returncode < 0:
            reason = f"{signal.Signals(-done.returncode).name}, as when memory runs out"
        raise InputError(f"the exported file {model.name} cannot be scored: {reason}")
    content: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return content
