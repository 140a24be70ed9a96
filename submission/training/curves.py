"""Learning curves, written as a CSV file and as an event file for TensorBoard."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

# PyTorch's and TensorBoard's own file writers would import TensorFlow where it is installed.
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from submission.console import say
from submission.files import replacing

__all__ = ["EVENT_FILE", "Curves"]

EVENT_FILE = "events.out.tfevents.0.curves"
"""TensorBoard looks for "tfevents" in the names of files."""

Row = tuple[int, str, float]


class Curves:
    """Values by step and name, kept in memory. Each write replaces the files.

    Args:
        rows: (step, name, value) to begin with.

    Example:
        >>> import tempfile
        >>> curves = Curves()
        >>> curves.add(0, {"loss": 2.5})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     curves.write(Path(folder))
        ...     Path(folder, "curves.csv").read_text().split()
        ['step,name,value', '0,loss,2.5']
    """

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self.rows: list[Row] = list(rows)
        self._warned = False

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Adds the values of one step."""
        self.rows += [(step, name, float(value)) for name, value in values.items()]

    def write(self, folder: Path) -> None:
        """Writes `curves.csv` with the columns step, name and value, and the event file.

        Both hold each point once, whatever was written there before. If the disk refuses, the first
        failure prints a warning, because a training is worth more than its curves.
        """
        try:
            with (
                replacing(folder / "curves.csv") as beside,
                beside.open("w", newline="", encoding="utf-8") as file,
            ):
                csv.writer(file).writerows([("step", "name", "value"), *self.rows])
            _extend(folder / EVENT_FILE, self._events())
        except OSError as error:
            if not self._warned:
                say(f"warning: continuing without the curves in {folder}: {error}")
            self._warned = True

    def _events(self) -> bytes:
        """Encodes the rows without times, so that the same rows give the same bytes."""
        content = io.BytesIO()
        writer = RecordWriter(content)
        writer.write(Event(file_version="brain.Event:2").SerializeToString())
        for step, name, value in self.rows:
            summary = Summary(value=[Summary.Value(tag=name, simple_value=value)])
            writer.write(Event(step=step, summary=summary).SerializeToString())
        return content.getvalue()


def _extend(path: Path, content: bytes) -> None:
    """Makes a file hold `content` by changing only its end.

    A running TensorBoard keeps the file open and reads what is appended. If the process is killed
    meanwhile, the file holds a part of `content`, which the next call completes.
    """
    with path.open("a+b") as file:
        file.seek(0)
        old = file.read()
        common = min(len(old), len(content))
        if old[:common] != content[:common]:
            common = 0
        file.truncate(common)
        file.write(content[common:])
