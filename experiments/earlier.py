"""Weights that shipped before, out of the project's history."""

import subprocess
from dataclasses import dataclass

from experiments.own_extractor import OwnExtractor
from submission.config.configuration import PROJECT
from submission.errors import InputError
from submission.files import replacing

__all__ = ["Earlier", "fetch_earlier"]

FILES = ("extractor.json", "extractor.safetensors")


@dataclass(frozen=True)
class Earlier(OwnExtractor):
    """The weights of a commit, which is the folder's name.

    Attributes:
        sha256: of the weights file.
    """

    sha256: str

    @property
    def commands(self) -> tuple[str, ...]:
        """What fetches weights and card, for a shell."""
        shown = (f"git show {self.name}:weights/{file} > {self.folder}/{file}" for file in FILES)
        return (f"mkdir -p {self.folder}", *shown)


def fetch_earlier(earlier: Earlier) -> None:
    """Writes the weights and their card into their folder if they are not there.

    Raises:
        InputError: if the project's history does not have the commit.
    """
    for file in FILES:
        path = PROJECT / earlier.folder / file
        if path.is_file():
            continue
        shown = subprocess.run(
            ["git", "show", f"{earlier.name}:weights/{file}"], cwd=PROJECT, capture_output=True
        )
        if shown.returncode:
            raise InputError(
                f"expected the commit {earlier.name} of the earlier weights in the project's "
                f"history, got {shown.stderr.decode().strip()}; clone it as a whole"
            )
        with replacing(path) as beside:
            beside.write_bytes(shown.stdout)
