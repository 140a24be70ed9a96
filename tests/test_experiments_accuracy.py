import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from experiments.accuracy import measure_accuracies
from experiments.labelled_sample import LabelledSample, draw_sample, read_sample, stored_set
from experiments.pictures import draw_confusions, draw_errors
from experiments.readings import read_factor, text_of
from submission.data.standin.render import render_file
from submission.errors import InputError, MissingFileError


def write_sample(path: Path, **changes: object) -> Path:
    random = np.random.default_rng(0)
    members = {
        "images": random.integers(0, 256, (4, 64, 64, 3), dtype=np.uint8),
        "labels": np.array([[0, 1], [1, -1], [2, 0], [0, 0]], dtype=np.int16),
        "domain": np.array(["toy", "real", "real", "real"]),
        "source": np.array(["a", "a", "b", "b"]),
    }
    np.savez(path, **{**members, **changes})  # type: ignore[arg-type]
    return path


def test_the_interval_is_that_of_wilson() -> None:
    answers, labels = np.zeros(50, dtype=np.int64), np.repeat([0, 1], [41, 9])
    reading = read_factor("object_shape", 2, answers, labels)
    assert reading is not None
    expected = binomtest(41, 50).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(reading.interval, expected, atol=1e-4)
    assert reading.accuracy == 41 / 50


def test_only_known_values_count() -> None:
    reading = read_factor("object_size", 2, np.array([0, 1, 1, 0]), np.array([0, 1, -1, 5]))
    assert reading is not None
    assert (reading.num_images, reading.accuracy) == (2, 1.0)
    assert reading.confusion.tolist() == [[1, 0], [0, 1]]
    assert read_factor("object_size", 2, np.array([0]), np.array([-1])) is None


def test_near_misses_and_jumps_of_an_axis_are_told_apart() -> None:
    labels = np.full(5, 20)
    reading = read_factor("vertical_axis", 40, np.array([20, 21, 22, 29, 30]), labels)
    assert reading is not None
    assert reading.accuracy == 0.2
    assert reading.within == (0.4, 0.6)
    assert reading.jumps == 0.2
    assert reading.mean_error == pytest.approx(22 / 5)
    assert "within 1: 40.0 %" in text_of("real", [reading])
    assert draw_confusions("real", [reading]).startswith(b"\x89PNG")
    assert reading.wrong.tolist() == [[4, 20, 30], [3, 20, 29], [2, 20, 22], [1, 20, 21]]
    pictures = [
        draw_errors("real", np.full((5, 64, 64, 3), k, np.uint8), [reading]) for k in (0, 9)
    ]
    assert pictures[0] != pictures[1]


def test_a_sample_is_read_with_its_conditions(tmp_path: Path) -> None:
    path = write_sample(tmp_path / "sample.npz")
    whole, part = read_sample(path), read_sample(path, ["domain=real", "source=b"])
    assert whole.domains.tolist() == ["toy", "real", "real", "real"]
    assert part.labels.tolist() == [[2, 0], [0, 0]]
    np.testing.assert_array_equal(part.images, whole.images[2:])


@pytest.mark.parametrize(
    ("changes", "where", "named"),
    [
        ({"images": np.zeros((4, 32, 32, 3), np.uint8)}, [], r"images.*\(4, 32, 32, 3\)"),
        ({"labels": np.zeros((3, 2), np.int64)}, [], r"labels.*\(3, 2\)"),
        ({"labels": np.zeros((4, 2))}, [], "labels.*float64"),
        ({"labels": np.array([["a"]] * 4, dtype=object)}, [], "sample.npz"),
        ({"domain": np.array(["toy"])}, [], r"4 words as domain.*\(1,\)"),
        ({}, ["source"], "source"),
        ({}, ["camera=1"], "camera=1"),
        ({}, ["source=c"], "source=c"),
    ],
)
def test_a_wrong_sample_is_refused(
    tmp_path: Path, changes: dict[str, object], where: list[str], named: str
) -> None:
    with pytest.raises(InputError, match=named):
        read_sample(write_sample(tmp_path / "sample.npz", **changes), where)


def test_a_missing_sample_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"sample\.npz"):
        read_sample(tmp_path / "sample.npz")


def test_positions_of_a_coarse_grid_are_counted_on_the_axes_of_the_heads(tmp_path: Path) -> None:
    name = "standin_toy"
    render_file(name, (1, 1, 1, 1, 1, 3, 2), tmp_path / name / f"{name}.npz")
    sample = draw_sample(name, tmp_path, 100, (6, 6, 2, 3, 3, 40, 40))
    assert sorted(map(tuple, sample.labels[:, 5:].tolist())) == [
        (h, v) for h in (0, 20, 39) for v in (0, 39)
    ]


def test_stored_images_come_back(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(stored_set("some", images, tmp_path).images, images)


def test_colours_and_shapes_that_the_heads_do_not_know_are_not_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    labels = np.array([[0, 1, 0, 2, 1, 3, 4], [3, 3, 1, 0, 2, 39, 0]])
    domains = np.array(["real", "real_complex"])
    measure_accuracies(LabelledSample("some", images, labels, domains), (), None, tmp_path)
    content = json.loads((tmp_path / "accuracy.json").read_text())
    known = {domain: {each["factor"] for each in content[domain]} for domain in content}
    assert known["real"] - known["real_complex"] == {"object_color", "object_shape"}
    assert len(known["real"]) == 7
    assert "real_complex: colours and shapes" in capsys.readouterr().out


def test_labels_of_other_factors_than_the_heads_are_refused(tmp_path: Path) -> None:
    sample = read_sample(write_sample(tmp_path / "sample.npz"))
    with pytest.raises(InputError, match=r"object_color.* in sample, got \(4, 2\)"):
        measure_accuracies(sample, (), None, tmp_path)


def test_a_domain_without_a_known_label_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    sample = LabelledSample("some", images, np.zeros((1, 7), int), np.array(["real_complex"]))
    measure_accuracies(sample, ("object_color",), None, tmp_path)
    assert json.loads((tmp_path / "accuracy.json").read_text()) == {"real_complex": []}
    assert "real_complex: no label" in capsys.readouterr().out
