"""Weights that shipped before those of today, out of the project's history."""

import subprocess
from dataclasses import dataclass

from submission.configuration import PROJECT
from submission.files import replacing

__all__ = ["Earlier", "fetch_earlier"]

FILES = ("extractor.json", "extractor.safetensors")


@dataclass(frozen=True)
class Earlier:
    """The weights of a commit.

    Attributes:
        commit: that has them in `weights/`.
        sha256: of the weights file.
    """

    commit: str
    sha256: str

    @property
    def folder(self) -> str:
        """Where weights and card go, from the project's folder."""
        return f"scratch/experiments/extractor-{self.commit}"

    @property
    def weights(self) -> str:
        """The weights file, from the project's folder."""
        return f"{self.folder}/extractor.safetensors"

    @property
    def commands(self) -> tuple[str, ...]:
        """What fetches weights and card, for a shell."""
        shown = (f"git show {self.commit}:weights/{file} > {self.folder}/{file}" for file in FILES)
        return (f"mkdir -p {self.folder}", *shown)


def fetch_earlier(earlier: Earlier) -> None:
    """Writes the weights and their card into their folder if they are not there.

    Raises:
        ValueError: if the project's history does not have the commit.
    """
    for file in FILES:
        path = PROJECT / earlier.folder / file
        if path.is_file():
            continue
        shown = subprocess.run(
            ["git", "show", f"{earlier.commit}:weights/{file}"], cwd=PROJECT, capture_output=True
        )
        if shown.returncode:
            raise ValueError(
                f"expected the commit {earlier.commit} of the earlier weights in the project's "
                f"history, got {shown.stderr.decode().strip()}; clone it as a whole"
            )
        with replacing(path) as beside:
            beside.write_bytes(shown.stdout)
