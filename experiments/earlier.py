"""Weights that earlier commits shipped, read from the project's git history."""

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
    """The weights of the commit `name`.

    Attributes:
        sha256: of the weights file.
    """

    sha256: str

    @property
    def commands(self) -> tuple[str, ...]:
        """Shell commands that fetch weights and card."""
        shown = (f"git show {self.name}:weights/{file} > {self.folder}/{file}" for file in FILES)
        return (f"mkdir -p {self.folder}", *shown)


def fetch_earlier(earlier: Earlier) -> None:
    """Writes weights and card into their folder, unless they are there.

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
