import csv
import subprocess
import sys
from pathlib import Path

import pytest

from submission.training.curves import EVENT_FILE, Curves

Points = list[tuple[int, str, float]]

READ = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
read = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0}).Reload()
print(json.dumps([[e.step, t, e.value] for t in read.Tags()["scalars"] for e in read.Scalars(t)]))
"""


def read_by_tensorboard(folder: Path) -> Points:
    """Reads a folder as TensorBoard does, in a process of its own since that imports TensorFlow."""
    import json

    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)], check=True, capture_output=True, text=True
    )
    return [(step, name, value) for step, name, value in json.loads(done.stdout)]


def read_csv(folder: Path) -> Points:
    with (folder / "curves.csv").open(newline="", encoding="utf-8") as file:
        return [(int(r["step"]), r["name"], float(r["value"])) for r in csv.DictReader(file)]


def some_curves(num_steps: int) -> Curves:
    curves = Curves()
    for step in range(num_steps):
        curves.add(step, {"loss": 2.0**-step, "accuracy/validation/object_color": step / 8})
    return curves


def test_tensorboard_reads_every_point_once(tmp_path: Path) -> None:
    """Written again and again, and with a tail that a killed run had written further."""
    for num_steps in (1, 3, 7, 4, 5):
        some_curves(num_steps).write(tmp_path)
    points = some_curves(5).rows
    assert sorted(read_by_tensorboard(tmp_path)) == sorted(points)
    assert read_csv(tmp_path) == points


@pytest.mark.parametrize("before", [b"", b"not an event file", None])
def test_the_bytes_are_those_of_the_points_whatever_was_there(
    tmp_path: Path, before: bytes | None
) -> None:
    some_curves(6).write(tmp_path / "whole")
    expected = (tmp_path / "whole" / EVENT_FILE).read_bytes()
    torn = expected[: len(expected) - 11] if before is None else before
    path = tmp_path / EVENT_FILE
    path.write_bytes(torn)
    some_curves(6).write(tmp_path)
    assert path.read_bytes() == expected
    assert sorted(file.name for file in tmp_path.iterdir()) == ["curves.csv", EVENT_FILE, "whole"]


def test_a_longer_file_is_appended_to_so_that_a_running_tensorboard_sees_it(tmp_path: Path) -> None:
    some_curves(2).write(tmp_path)
    with (tmp_path / EVENT_FILE).open("rb") as reader:
        first = reader.read()
        some_curves(3).write(tmp_path)
        rest = reader.read()
    assert first + rest == (tmp_path / EVENT_FILE).read_bytes()
    assert rest


def test_an_empty_curve_is_written_too(tmp_path: Path) -> None:
    Curves().write(tmp_path)
    assert read_csv(tmp_path) == []
    assert (tmp_path / EVENT_FILE).stat().st_size > 0


def test_a_folder_that_cannot_be_written_costs_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    curves = some_curves(2)
    for _ in range(2):
        curves.write(tmp_path / "file")
    assert capsys.readouterr().out.count("warning: ") == 1
