"""The rows behind docs/results.md, their tables and their files."""

import json
import multiprocessing
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from experiments import finetuning, run
from experiments.audit import by_factor
from experiments.commands import experiments
from experiments.document import filled, score_line
from experiments.overview import draw_overview
from experiments.pictures import draw_accuracies, draw_limits, draw_scores
from experiments.rows import ABLATIONS, ROWS, Row, find_row
from submission.cli import run_commands
from submission.config.configuration import PROJECT, load_configuration
from submission.data.catalogue import RENDERER_VERSION
from submission.data.image_set import file_of
from submission.data.standin.render import render_file
from submission.models.weights import read_card
from submission.report.figures import RESOLUTION, WIDE
from submission.scoring.metrics.catalogue import TITLES
from submission.scoring.score_codes import score_table
from tests.few_rows import FOUR_FACTORS as SPACE
from tests.few_rows import SETTINGS
from tests.test_scoring_results import mixed_codes

PHONE = int(WIDE * RESOLUTION)
"""Pixels of a picture whose 8 points are about 11 pixels on a phone."""


def training(seed: int, mig: float) -> dict[str, Any]:
    scores = {"factor_vae": 1.0, "dci": 0.5, "sap": 0.25, "irs": 0.75, "mig": mig}
    return {"seed": seed, "scores": scores, "seconds": 10.0 + seed, "commit": "abc"}


def test_every_row_is_a_valid_configuration_that_differs_from_the_others() -> None:
    seen = set()
    for row in ROWS:
        configuration = load_configuration(Path(f"configs/{row.preset}.gin"), row.settings)
        seen.add((row.domain, row.grid, configuration))
    assert len(seen) == len(ROWS) == len({row.name for row in ROWS})


def test_extractors_of_rows_differ_in_data_or_one_setting_only() -> None:
    seen = {}
    for row in ROWS:
        if isinstance(row.extractor, finetuning.Finetuning):
            words = row.extractor.words
            settings = [words[at + 1] for at, word in enumerate(words) if word == "--set"]
            finetune = load_configuration(Path("configs/paper.gin"), settings).finetune
            seen[row.name] = (row.extractor.data, finetune)
    both, plain = seen.pop("both"), seen.pop("no-augmentation")
    assert plain == (both[0], replace(both[1], augmentation=0.0)) != both
    assert {settings for _, settings in seen.values()} == {both[1]}
    assert len({data for data, _ in seen.values()}) == len(seen) == 2


def test_an_extractor_is_made_once_and_a_failure_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetuning, "PROJECT", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    few = ("Finetune.images_per_epoch=64", "Finetune.num_validation_images=16")
    small = finetuning.Finetuning("small", ("standin_toy",), few)
    with pytest.raises(ValueError, match="finetuning for small to end well, got status 1"):
        finetuning.finetune_extractor(small, tmp_path)
    for name in ("standin_toy", "standin_real"):
        render_file(name, (6, 6, 2, 3, 3, 1, 2), file_of(name, tmp_path), seed=0)
    finetuning.finetune_extractor(small, tmp_path)
    card = read_card(tmp_path / small.weights)
    assert (card["images_seen"], [used["name"] for used in card["data"]]) == (64, ["standin_toy"])
    assert set(card["accuracy"]) == {"validation", "standin_real"}
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    finetuning.finetune_extractor(small, tmp_path)


def test_a_line_has_mean_and_standard_deviation() -> None:
    line = score_line("title", "name", [training(0, 0.1), training(1, 0.3)])
    assert line == (
        "| title (`name`) | 1.000 ± 0.000 | 0.500 ± 0.000 | 0.250 ± 0.000 | 0.750 ± 0.000 "
        "| 0.200 ± 0.141 | 2 | 10 | abc |"
    )


def test_a_split_by_factor_adds_up_to_the_scores() -> None:
    scores = score_table(mixed_codes(), SPACE, settings=SETTINGS)
    split = by_factor(scores)
    assert list(split) == list(SPACE.names)
    for metric in ("sap", "mig"):
        gaps = [values[metric] for values in split.values()]
        assert sum(gaps) / len(gaps) == pytest.approx(scores.values()[metric])
    with pytest.raises(ValueError, match="expected all five metrics, got mig"):
        by_factor(score_table(mixed_codes(), SPACE, metrics=("mig",), settings=SETTINGS))


def test_tables_go_between_their_marks() -> None:
    text = "a\n<!-- one -->\nold\n<!-- end -->\nb\n<!-- two -->\n<!-- end -->\n"
    expected = "a\n<!-- one -->\n1\n2\n<!-- end -->\nb\n<!-- two -->\n3\n<!-- end -->\n"
    tables = {"one": ["1", "2"], "two": ["3"]}
    assert filled(text, tables) == expected
    assert filled(expected, tables) == expected
    with pytest.raises(ValueError, match="expected a mark out of one, got 'two'"):
        filled(text, {"one": ["1"]})


def test_pictures_have_a_bar_for_each_row() -> None:
    def height(num_rows: int) -> int:
        rows = {f"row {number}": [training(0, 0.1), training(1, 0.3)] for number in range(num_rows)}
        scores = {name: [t["scores"] for t in trainings] for name, trainings in rows.items()}
        png = draw_scores(scores, training(0, 0.9)["scores"], TITLES, "t", first_is_baseline=True)
        assert width_of(png) == PHONE
        return size_of(png)[1]

    assert height(2) < height(6) < height(12)


def test_limits_are_drawn_for_each_code() -> None:
    split = {name: {"sap": 0.1, "irs": -0.1, "mig": 1.0} for name in SPACE.names}
    names = {"sap": "SAP", "irs": "IRS", "mig": "MIG"}
    one, two = (draw_limits(dict.fromkeys(codes, split), names) for codes in ("a", "ab"))
    assert width_of(one) == width_of(two) == PHONE
    assert size_of(one)[1] < size_of(two)[1]


def test_accuracies_are_read_to_one_decimal(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    label = Axes.bar_label

    def noting(*words: Any, **options: Any) -> Any:
        made = label(*words, **options)
        texts.extend(text.get_text() for text in made)
        return made

    monkeypatch.setattr(Axes, "bar_label", noting)
    png = draw_accuracies({"validation": {"shape": 0.965, "size": 1.0, "axis_error": 0.3}})
    assert texts == ["96.5", "100.0"]
    assert width_of(png) == PHONE


def test_the_overview_shows_the_importances_of_the_run() -> None:
    codes, factors = ("latent 0", "latent 1"), ("shape", "size")
    one = draw_overview(np.eye(2), codes, factors)
    assert one == draw_overview(np.eye(2), codes, factors)
    assert one != draw_overview(np.eye(2)[::-1], codes, factors)
    assert width_of(one) == PHONE


def width_of(png: bytes) -> int:
    return size_of(png)[0]


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height that a PNG file begins with."""
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_processes_that_end_at_once_lose_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)

    def train(row: Row, seed: int) -> dict[str, Any]:
        barrier.wait(30)
        return training(seed, 0.5)

    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr(run, "SCRATCH", tmp_path / "scratch")
    monkeypatch.setattr(run, "_train", train)
    row = find_row("best")
    processes = [context.Process(target=run.run_row, args=(row, [seed])) for seed in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    content = json.loads((tmp_path / "best.json").read_text())
    assert [done["seed"] for done in content["trainings"]] == [0, 1, 2, 3]


OTHERS: tuple[dict[str, Any], ...] = (
    {"weights_sha256": "other"},
    {"settings": {}},
    {"renderer_version": 1},
)


def test_trainings_that_are_done_are_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []

    def train(row: Row, seed: int) -> dict[str, Any]:
        trained.append(seed)
        return training(seed, 0.5)

    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr(run, "SCRATCH", tmp_path / "scratch")
    monkeypatch.setattr(run, "_train", train)
    row = find_row("best")
    run.run_row(row, [0, 2])
    run.run_row(row, [0, 1, 2])
    assert trained == [0, 2, 1]
    path = tmp_path / "best.json"
    assert [done["seed"] for done in json.loads(path.read_text())["trainings"]] == [0, 1, 2]
    assert json.loads(path.read_text())["settings"]["Fit.latents"] == "per_factor"
    for number, other in enumerate(OTHERS, start=4):
        path.write_text(json.dumps(json.loads(path.read_text()) | other))
        run.run_row(row, [0])
        assert len(trained) == number
        assert len(json.loads(path.read_text())["trainings"]) == 1


def test_an_unknown_row_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_commands(experiments, "python -m experiments", ["run", "bset"]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: expected one of best, paper")
    assert error.endswith("got 'bset'")


def test_every_row_s_file_is_of_today_s_weights_and_presets_or_of_an_earlier_renderer() -> None:
    for row in ROWS:
        results = run.read_results(row)
        if results is not None and results["renderer_version"] == RENDERER_VERSION:
            assert run.current_results(row) == results, row.name


def test_every_mark_of_the_documents_has_a_table() -> None:
    tables = {
        name: ["filled"]
        for name in ("accuracy", "scores", "factors", "audit", "headline", "domains", "unprepared")
    }
    tables |= {f"ablation {number}": ["filled"] for number in range(1, 1 + len(ABLATIONS))}
    for path in ("docs/results.md", "README.md"):
        text = filled((PROJECT / path).read_text(encoding="utf-8"), tables)
        assert text.count("filled\n<!-- end -->") == text.count("<!-- end -->") > 0
