"""Finished chunks of a feature matrix on disk, from which a run that was killed continues."""

import shutil
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from submission.console import say
from submission.files import replacing
from submission.training.checkpoint import sha256_of_json, sha256_of_tensor

__all__ = ["FeatureStore"]


class FeatureStore:
    """A folder with a file for each chunk of rows. A file is either whole and correct, or ignored.

    If the disk is full or cannot be written, the store prints one warning, deletes itself, and
    stores nothing more. The run continues.

    Args:
        folder: of this matrix alone. Its name contains a hash of all that decides the features.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = FeatureStore(Path(folder) / "features")
        ...     store.write(0, torch.ones(2, 512))
        ...     store.finish()
        ...     store.read(0, torch.empty(2, 512))
        True
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._broken = False
        self._writing: Future[None] | None = None
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feature store")

    def read(self, start: int, rows: Tensor) -> bool:
        """Fills rows from their chunk.

        Args:
            start: index of the first row.
            rows: (n, D) on the CPU. They change only if True is returned.

        Returns:
            Whether the chunk is there and correct. A damaged file is deleted with a warning.
        """
        stored = self.read_state(f"{start:09d}", {"features": rows})
        if stored is None:
            return False
        rows.copy_(stored["features"])
        return True

    def write(self, start: int, rows: Tensor) -> None:
        """Stores a copy of a chunk on a thread.

        Args:
            start: index of the first row.
            rows: (n, D) on the CPU.
        """
        self.write_state(f"{start:09d}", {"features": rows})

    def read_state(self, name: str, like: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
        """Reads a module's state that was stored beside the chunks.

        Args:
            name: of the state.
            like: a state whose names, shapes and types the stored one must have.

        Returns:
            The state, or None if it is not there or damaged. A damaged file is deleted with a
            warning.
        """
        path = self.folder / f"{name}.safetensors"
        try:
            with safe_open(path, framework="pt") as file:
                stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                sha256 = (file.metadata() or {}).get("sha256")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (SafetensorError, OSError) as error:
            fault = str(error)
        else:
            fault = _fault(stored, like, sha256)
            if not fault:
                return stored
        say(f"warning: computing the content of {path} again, the file is damaged: {fault}")
        with suppress(OSError):
            path.unlink()
        return None

    def write_state(self, name: str, state: Mapping[str, Tensor]) -> None:
        """Stores a copy of a module's state on a thread."""
        self.finish()
        if not self._broken:
            copies = {key: value.detach().contiguous().clone() for key, value in state.items()}
            self._writing = self._executor.submit(self._write, name, copies)

    def finish(self) -> None:
        """Waits until the last chunk is stored."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            writing.result()
        except OSError as error:
            self._broken = True
            shutil.rmtree(self.folder, ignore_errors=True)  # the rest of the run needs the space
            say(f"warning: continuing without storing features in {self.folder}: {error}")

    def remove(self) -> None:
        """Deletes the folder."""
        self.finish()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, name: str, tensors: dict[str, Tensor]) -> None:
        with replacing(self.folder / f"{name}.safetensors") as beside:
            beside.write_bytes(save(tensors, metadata={"sha256": _sha256_of(tensors)}))


def _fault(stored: Mapping[str, Tensor], like: Mapping[str, Tensor], sha256: str | None) -> str:
    """Says what is wrong with stored tensors; empty if nothing is."""
    if _shapes(stored) != _shapes(like):
        return f"other shapes or types than {_shapes(like)}"
    if _sha256_of(stored) != sha256:
        return "other bytes than were written"
    if not all(bool(value.isfinite().all()) for value in stored.values()):
        return "numbers that are not finite"
    return ""


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    return {key: (tuple(value.shape), value.dtype) for key, value in sorted(tensors.items())}


def _sha256_of(tensors: Mapping[str, Tensor]) -> str:
    return sha256_of_json({key: sha256_of_tensor(value) for key, value in tensors.items()})
