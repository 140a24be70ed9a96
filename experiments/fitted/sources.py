"""The folders of sources that the compiled loops of a fitted look depend on."""

from pathlib import Path

from submission.data import standin

__all__ = ["SOURCES"]

SOURCES = (Path(__file__).parent, Path(standin.__file__).parent)
