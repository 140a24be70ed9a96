"""Checkpoints: atomic, loaded without unpickling code, and refused for another run."""

import hashlib
import json
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from submission.errors import InputError
from submission.files import replacing

__all__ = ["decisive", "fingerprint", "load_checkpoint", "save_checkpoint", "sha256_of_tensor"]


def decisive(settings: Any) -> dict[str, Any]:
    """Gives the settings that an outcome depends on: all but how often a checkpoint is written.

    Args:
        settings: an object of one of the classes of settings.
    """
    values = asdict(settings)
    del values["checkpoint_seconds"]
    return values


def fingerprint(**facts: Any) -> str:
    """Hashes what a run depends on, so that its checkpoint resumes no other run."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_tensor(tensor: Tensor) -> str:
    """Hashes the numbers of a contiguous tensor on the CPU, without a copy."""
    return hashlib.sha256(tensor.detach().reshape(-1).view(torch.uint8).numpy().data).hexdigest()


def save_checkpoint(path: Path, identity: str, state: dict[str, Any]) -> None:
    """Writes a checkpoint atomically.

    Args:
        path: file to write.
        identity: fingerprint of the run.
        state: tensors, numbers, strings and containers of them.
    """
    with replacing(path) as beside:
        torch.save({"identity": identity, "state": state}, beside)


def load_checkpoint(path: Path, identity: str) -> dict[str, Any] | None:
    """Reads the checkpoint of a run.

    Args:
        path: file to read.
        identity: fingerprint of the run that wants to go on.

    Returns:
        The saved state, or None if there is no checkpoint.

    Raises:
        ValueError: if the file is damaged or belongs to a run with other settings or data.
    """
    if not path.exists():
        return None
    way_out = "delete it or choose another output folder"
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f"expected a checkpoint at {path}, got {error}; {way_out}") from error
    if not isinstance(content, dict) or content.get("identity") != identity:
        raise InputError(
            f"expected the checkpoint {path} to be of this run, got one of other settings or data; "
            + way_out
        )
    state: dict[str, Any] = content["state"]
    return state
