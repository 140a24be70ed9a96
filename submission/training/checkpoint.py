"""Checkpoint files: whole or absent, read without unpickling code, refused for another run.

The facts of a run are what its outcome depends on: settings, data, weights, hardware, code. A run
continues only from a checkpoint with the same facts.
"""

import hashlib
import json
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from submission.config.group import Group, outcome_settings
from submission.config.settings import AdaptSettings, FinetuneSettings, FitSettings
from submission.console import say
from submission.data.archive import ZIP_ERRORS, open_file
from submission.errors import InputError, one_line
from submission.files import replacing

__all__ = ["CheckpointFile", "require_same_settings", "sha256_of_json", "sha256_of_tensor"]

WAY_OUT = "delete it or choose another output folder"

BROKEN = (*ZIP_ERRORS, ValueError, struct.error, pickle.UnpicklingError)
"""What reading raises on a file that is damaged or of another kind."""


def sha256_of_json(content: Mapping[str, Any]) -> str:
    """Hashes values that JSON or `str` can express, in any order.

    Example:
        >>> sha256_of_json({"seed": 0, "epochs": 5}) == sha256_of_json({"epochs": 5, "seed": 0})
        True
    """
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_tensor(tensor: Tensor) -> str:
    """Hashes the numbers of a contiguous tensor on the CPU, without a copy.

    Example:
        >>> sha256_of_tensor(torch.zeros(2)) == hashlib.sha256(bytes(8)).hexdigest()
        True
    """
    return hashlib.sha256(tensor.detach().reshape(-1).view(torch.uint8).numpy().data).hexdigest()


class CheckpointFile:
    """The checkpoint of one run.

    Args:
        path: the file.
        settings: of the run. Those that affect the outcome must be the same to continue.
        facts: the run's other facts, as values that JSON or `str` can express.

    Attributes:
        facts: those of the run, settings included, as JSON reads them back.
        seconds: time between two checkpoints; 0 means one after every step.
        is_current: whether the last call of `save` wrote the file.

    Example:
        >>> import tempfile
        >>> from submission.config.settings import FitSettings
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = CheckpointFile(Path(folder, "run.ckpt"), FitSettings(), {"data": "a"})
        ...     checkpoint.save({"step": 3})
        ...     checkpoint.load()
        {'step': 3}
    """

    def __init__(
        self,
        path: Path,
        settings: AdaptSettings | FinetuneSettings | FitSettings,
        facts: Mapping[str, Any],
    ) -> None:
        self.path = path
        self.facts = _as_json({**outcome_settings(settings), **facts})
        self.seconds = settings.checkpoint_seconds
        self.is_current = False
        self._warned = False

    def load(self) -> dict[str, Any] | None:
        """Reads the state that was saved; returns None if there is no file.

        Raises:
            InputError: if the file is damaged, or of a run with other settings, data or code. The
                message names what differs.
        """
        content = _read(self.path, is_mapped=False)
        if content is None:
            return None
        if (facts := _facts_in(content)) != self.facts:
            raise _of_another_run(self.path, facts, self.facts)
        state: dict[str, Any] = content["state"]
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Writes a state atomically. If the disk refuses, the first failure prints a warning.

        Args:
            state: tensors, numbers, strings and containers of them.
        """
        content = {"facts": json.dumps(self.facts), "state": state}
        try:
            with replacing(self.path) as beside:
                torch.save(content, beside)
        except OSError as error:
            self.is_current = False
            if not self._warned:
                say(f"warning: continuing without a checkpoint: {error}")
            self._warned = True
        else:
            self.is_current = True


def require_same_settings(path: Path, settings: Group) -> None:
    """Refuses a checkpoint of other settings, before a run computes what leads to it.

    Args:
        path: of the checkpoint; nothing is refused if there is no file.
        settings: of the run that is about to start.

    Raises:
        InputError: if the file is damaged, or a setting that affects the outcome differs. The
            message has its old and its new value.

    Example:
        >>> from submission.config.settings import FitSettings
        >>> require_same_settings(Path("no such file"), FitSettings())
    """
    content, new = _read(path, is_mapped=True), _as_json(outcome_settings(settings))
    old = {} if content is None else _facts_in(content)
    if old and any(old.get(name) != value for name, value in new.items()):
        raise _of_another_run(path, old, new)


def _as_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Gives facts as JSON reads them back."""
    read: dict[str, Any] = json.loads(json.dumps(facts, default=str))
    return read


def _facts_in(content: Mapping[str, Any]) -> dict[str, Any]:
    """Reads the facts in a checkpoint; none if it is of a version or a program that wrote none."""
    try:
        facts = json.loads(content.get("facts", "{}"))
    except (TypeError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _read(path: Path, *, is_mapped: bool) -> dict[str, Any] | None:
    """Reads a checkpoint; mapped tensors are read when they are used. None if there is no file."""
    if not path.exists():
        return None
    try:
        _require_whole(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_mapped)
    except BROKEN as error:
        raise InputError(
            f"expected a checkpoint at {path}, got {one_line(error)}; {WAY_OUT}"
        ) from error
    return content if isinstance(content, dict) else {}


def _require_whole(path: Path) -> None:
    """Compares every part of a file with its checksum, since PyTorch takes damaged numbers.

    Raises:
        ValueError: if a part is damaged; other faults of the file raise one of `BROKEN`.
    """
    with open_file(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                damaged = archive.testzip()
        except OSError as error:  # of an offset that is damaged
            raise ValueError(one_line(error)) from error
    if damaged:
        raise ValueError(f"other bytes in {damaged} than were written")


def _of_another_run(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> InputError:
    """Says which facts of a checkpoint differ from those of the present run."""
    differing = [name for name in new if name in old and old[name] != new[name]]
    changed = [f"{n} = {old[n]!r} (now {new[n]!r})" for n in differing if "." in n or n == "device"]
    others = [name for name in differing if not ("." in name or name == "device")]
    if others:
        changed.append(f"other {', '.join(others)}")
    return InputError(
        f"expected the checkpoint {path} to be of this run, got one of "
        f"{'; '.join(changed) or 'other settings, data or code'}; "
        f"{'set the old values to continue, or ' if differing and not others else ''}{WAY_OUT}"
    )
