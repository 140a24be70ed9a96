"""An extractor that a row of the experiments uses in place of the shipped one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

__all__ = ["OwnExtractor"]


@dataclass(frozen=True)
class OwnExtractor(ABC):
    """Where the extractor is stored, and the commands that put it there.

    Attributes:
        name: ends the name of its folder.
    """

    name: str

    @property
    def folder(self) -> str:
        """Folder of weights and card, relative to the project."""
        return f"scratch/experiments/extractor-{self.name}"

    @property
    def weights(self) -> str:
        """The weights file, relative to the project."""
        return f"{self.folder}/extractor.safetensors"

    @property
    @abstractmethod
    def commands(self) -> tuple[str, ...]:
        """Shell commands that put weights and card there."""
