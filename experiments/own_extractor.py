"""An extractor that a row has in place of the one that ships."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

__all__ = ["OwnExtractor"]


@dataclass(frozen=True)
class OwnExtractor(ABC):
    """Where the extractor lies, and how a user gets it there.

    Attributes:
        name: of its folder.
    """

    name: str

    @property
    def folder(self) -> str:
        """Where weights and card go, from the project's folder."""
        return f"scratch/experiments/extractor-{self.name}"

    @property
    def weights(self) -> str:
        """The weights file, from the project's folder."""
        return f"{self.folder}/extractor.safetensors"

    @property
    @abstractmethod
    def commands(self) -> tuple[str, ...]:
        """What puts weights and card there, for a shell."""
