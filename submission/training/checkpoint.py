"""Checkpoint files: whole or absent, read without unpickling code, refused for another run."""

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from submission.console import say
from submission.errors import InputError
from submission.files import replacing

__all__ = ["CheckpointFile", "fingerprint", "sha256_of_tensor"]


def fingerprint(**facts: Any) -> str:
    """Hashes what a run depends on, so that no other run goes on from its checkpoint.

    Example:
        >>> fingerprint(seed=0, epochs=5) == fingerprint(epochs=5, seed=0)
        True
        >>> fingerprint(seed=0) == fingerprint(seed=1)
        False
    """
    text = json.dumps(facts, sort_keys=True, default=str)
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
        identity: fingerprint of all that the outcome of the run depends on.
        seconds: time between two checkpoints; 0 means one after every step.

    Attributes:
        is_current: whether the last call of `save` wrote the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = CheckpointFile(Path(folder, "run.ckpt"), fingerprint(seed=0), 60.0)
        ...     checkpoint.save({"step": 3})
        ...     checkpoint.load()
        {'step': 3}
    """

    def __init__(self, path: Path, identity: str, seconds: float) -> None:
        self.path = path
        self.identity = identity
        self.seconds = seconds
        self.is_current = False
        self._warned = False

    def load(self) -> dict[str, Any] | None:
        """Reads the state that was saved; returns None if there is no file.

        Raises:
            InputError: if the file is damaged, or of a run with other settings, data or code.
        """
        if not self.path.exists():
            return None
        way_out = "delete it or choose another output folder"
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise InputError(
                f"expected a checkpoint at {self.path}, got {error}; {way_out}"
            ) from error
        if not isinstance(content, dict) or content.get("identity") != self.identity:
            raise InputError(
                f"expected the checkpoint {self.path} to be of this run, got one of other "
                f"settings, data or code; {way_out}"
            )
        state: dict[str, Any] = content["state"]
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Writes a state atomically. If the disk refuses, the first failure prints a warning.

        Args:
            state: tensors, numbers, strings and containers of them.
        """
        try:
            with replacing(self.path) as beside:
                torch.save({"identity": self.identity, "state": state}, beside)
        except OSError as error:
            self.is_current = False
            if not self._warned:
                say(f"warning: going on without a checkpoint: {error}")
            self._warned = True
        else:
            self.is_current = True
