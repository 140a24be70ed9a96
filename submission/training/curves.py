"""Learning curves, in a CSV file that anything reads."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from submission.files import replacing

__all__ = ["Curves"]

Row = tuple[int, str, float]


class Curves:
    """Values by step and name, kept in memory and written whole.

    Args:
        rows: (step, name, value) to begin with.
    """

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self.rows: list[Row] = list(rows)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Notes values of one step."""
        self.rows += [(step, name, float(value)) for name, value in values.items()]

    def write(self, folder: Path) -> None:
        """Writes `curves.csv` with the columns step, name and value."""
        with (
            replacing(folder / "curves.csv") as beside,
            beside.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(["step", "name", "value"])
            writer.writerows(self.rows)
