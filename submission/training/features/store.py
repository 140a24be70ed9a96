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
    """A folder with a file per chunk of rows; a file is whole, checked when read, or ignored.

    A disk that is full or cannot be written costs one warning; the run goes on without storing.

    Args:
        folder: of this matrix alone; its name should tell what the features depend on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._broken = False
        self._writing: Future[None] | None = None
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feature store")

    def read(self, start: int | str, rows: Tensor) -> bool:
        """Fills rows from their chunk.

        Args:
            start: index of the first row, or the name of a tensor that goes with the matrix.
            rows: (n, D), or as the named tensor, on the CPU; changed only if True is returned.

        Returns:
            Whether the chunk is there and whole. A damaged one is deleted.
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
        """Stores a chunk on a thread; rows must not change until the next call or the end.

        Args:
            start: index of the first row, or the name of a tensor that goes with the matrix.
            rows: (n, D), or the named tensor, on the CPU, contiguous.
        """
        self.finish()
        if not self._broken:
            self._writing = self._executor.submit(self._write, start, rows)

    def finish(self) -> None:
        """Waits until the last chunk is stored; after a fault nothing is stored any more."""
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
        """Deletes all chunks."""
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
