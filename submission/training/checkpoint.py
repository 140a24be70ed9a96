"""Checkpoint files: whole or absent, read without unpickling code, refused for another run."""

import hashlib
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from submission.config.group import Group, outcome_settings
from submission.config.settings import AdaptSettings, FinetuneSettings, FitSettings
from submission.console import say
from submission.errors import InputError
from submission.files import replacing

__all__ = ["CheckpointFile", "fingerprint", "require_same_settings", "sha256_of_tensor"]

WAY_OUT = "delete it or choose another output folder"


def fingerprint(**facts: Any) -> str:
    """Hashes what a run depends on, so that no other run continues from its checkpoint.

    Example:
        >>> fingerprint(seed=0, epochs=5) == fingerprint(epochs=5, seed=0)
        True
        >>> fingerprint(seed=0) == fingerprint(seed=1)
        False
    """
    return hashlib.sha256(_json(facts).encode()).hexdigest()


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
        facts: what else the outcome depends on, as values that JSON or `str` can express.

    Attributes:
        identity: fingerprint of all that the outcome depends on.
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
        self.identity = fingerprint(settings=outcome_settings(settings), **facts)
        self.seconds = settings.checkpoint_seconds
        self.is_current = False
        self._facts = {**_facts_of(settings), **json.loads(_json(facts))}
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
        if content.get("identity") != self.identity:
            raise _of_another_run(self.path, content, self._facts)
        state: dict[str, Any] = content["state"]
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Writes a state atomically. If the disk refuses, the first failure prints a warning.

        Args:
            state: tensors, numbers, strings and containers of them.
        """
        content = {"identity": self.identity, "facts": _json(self._facts), "state": state}
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
    content, facts = _read(path, is_mapped=True), _facts_of(settings)
    if content is None or "facts" not in content:  # earlier versions wrote no facts
        return
    old = json.loads(content["facts"])
    if any(old.get(name) != value for name, value in facts.items()):
        raise _of_another_run(path, content, facts)


def _facts_of(settings: Group) -> dict[str, Any]:
    """Gives the settings that affect the outcome by their full names, as JSON reads them back."""
    values = {each.name: each.value for each in settings.settings() if each.affects_outcome}
    facts: dict[str, Any] = json.loads(_json(values))
    return facts


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, default=str)


def _read(path: Path, *, is_mapped: bool) -> dict[str, Any] | None:
    """Reads a checkpoint; mapped tensors are read when they are used. None if there is no file."""
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_mapped)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f"expected a checkpoint at {path}, got {error}; {WAY_OUT}") from error
    return content if isinstance(content, dict) else {}


def _of_another_run(path: Path, content: Mapping[str, Any], new: Mapping[str, Any]) -> InputError:
    """Says which facts of a checkpoint differ from those of the present run."""
    old = json.loads(content.get("facts", "{}"))
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
