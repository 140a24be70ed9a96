"""Finished chunks of a feature matrix on disk, from which a run that was killed goes on."""

import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from submission.console import say
from submission.files import replacing
from submission.training.checkpoint import sha256_of_tensor

__all__ = ["FeatureStore"]


class FeatureStore:
    """A folder with a file for each chunk of rows. A file is either whole and correct, or ignored.

    If the disk is full or cannot be written, the store prints one warning, deletes itself, and
    stores nothing more. The run goes on.

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

    def read(self, start: int | str, rows: Tensor) -> bool:
        """Fills rows from their chunk.

        Args:
            start: index of the first row, or the name of another tensor of this folder.
            rows: (n, D), or as the named tensor, on the CPU. They change only if True is returned.

        Returns:
            Whether the chunk is there and correct. A damaged file is deleted with a warning.
        """
        path = self._path(start)
        try:
            with safe_open(path, framework="pt") as file:
                stored, metadata = file.get_tensor("features"), file.metadata() or {}
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (SafetensorError, OSError) as error:
            return self._damaged(path, str(error))
        if stored.shape != rows.shape or stored.dtype != rows.dtype:
            return self._damaged(path, f"{tuple(stored.shape)} {stored.dtype}")
        if sha256_of_tensor(stored) != metadata.get("sha256"):
            return self._damaged(path, "other bytes than were written")
        if not stored.isfinite().all():
            return self._damaged(path, "numbers that are not finite")
        rows.copy_(stored)
        return True

    def write(self, start: int | str, rows: Tensor) -> None:
        """Stores a chunk on a thread. Rows must not change until the next call of any method.

        Args:
            start: index of the first row, or the name of another tensor of this folder.
            rows: (n, D), or the named tensor, on the CPU, contiguous.
        """
        self.finish()
        if not self._broken:
            self._writing = self._executor.submit(self._write, start, rows)

    def finish(self) -> None:
        """Waits until the last chunk is stored."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            writing.result()
        except (OSError, SafetensorError) as error:
            self._broken = True
            shutil.rmtree(self.folder, ignore_errors=True)  # the rest of the run needs the space
            say(f"warning: going on without storing features in {self.folder}: {error}")

    def remove(self) -> None:
        """Deletes the folder."""
        self.finish()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, start: int | str, rows: Tensor) -> None:
        digest = sha256_of_tensor(rows)
        with replacing(self._path(start)) as beside:
            save_file({"features": rows}, beside, metadata={"sha256": digest})

    def _path(self, start: int | str) -> Path:
        name = start if isinstance(start, str) else f"{start:09d}"
        return self.folder / f"{name}.safetensors"

    def _damaged(self, path: Path, found: str) -> bool:
        say(f"warning: computing the content of {path} anew, the file is damaged: {found}")
        with suppress(OSError):
            path.unlink()
        return False
