"""Local evaluation of models that come from elsewhere, on a small grid."""

import errno
import json
import os
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import submission.job.codes
from submission.data.image_file import write_images
from submission.data.images import open_images
from submission.data.standin.scene import standin_space
from submission.errors import InputError, OutputError
from submission.files import sha256_of
from submission.job.codes import codes_to_score
from submission.job.evaluate import evaluate_representation
from submission.report import write_report
from submission.report.results import read_result, scores_path
from submission.scoring.code_table import CodeTable, load_table, save_table
from submission.scoring.leaderboard import load_pool
from submission.scoring.metrics.catalogue import ALL_METRICS
from submission.scoring.text_tables import OTHER_IMAGES
from submission.server.environment import Environment

NAME = "standin_real"
SIZES = (3, 3, 2, 1, 2, 3, 3)


class Model(nn.Module):
    """Four colours of places in the image, scaled."""

    def __init__(self, scale: float = 1.0, constant: float | None = None) -> None:
        super().__init__()
        self.scale = scale
        self.constant = constant

    def forward(self, images: Tensor) -> Tensor:
        codes = images[:, :, 0, 0] * self.scale
        constant = self.constant
        if constant is not None:
            return torch.cat([codes, codes[:, :1] * 0 + constant], dim=1)
        return codes


class Sometimes(nn.Module):
    """NaN for dark images, which may be few."""

    def forward(self, images: Tensor) -> Tensor:
        codes = images[:, :, 0, 0]
        return torch.where(codes > 0.25, codes, codes / 0 * 0)


def save_model(environment: Environment, module: nn.Module) -> None:
    environment.representation_path.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = cast(Any, torch.jit.script)(module)
        torch.jit.save(script, str(environment.model_path))


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An experiment with a model and no training."""
    space = standin_space(SIZES)
    factors = space.index_to_factors(np.arange(space.num_points))
    pixels = np.empty((space.num_points, 64, 64, 3), np.uint8)
    pixels[:] = (60 + 60 * factors[:, [0, 1, 6]]).astype(np.uint8)[:, None, None]
    made = Environment(tmp_path / "shared", "x", NAME, tmp_path / "data", False, False)
    write_images(
        made.data_path / NAME / f"{NAME}.npz",
        pixels.shape,
        [(0, pixels)],
        factor_sizes=np.array(SIZES),
    )
    save_model(made, Model())
    return made


def codes_path(environment: Environment) -> Path:
    return environment.training_path / "codes.safetensors"


def leave_codes(environment: Environment, num_off: int, offset: float = 0.1) -> CodeTable:
    """Writes codes as training leaves them, some of which are off."""
    exact = codes_to_score(environment, images_of(environment), encode=True).table
    codes = exact.codes.copy()
    codes[:num_off] += np.float32(offset) * codes.std(axis=0).max()
    table = replace(exact, codes=codes)
    save_table(table, codes_path(environment))
    return table


def images_of(environment: Environment) -> Any:
    return open_images(environment.dataset_name, environment.data_path)


def test_the_exported_file_encodes_where_that_is_cheap(environment: Environment) -> None:
    off = leave_codes(environment, num_off=5)
    found = codes_to_score(environment, images_of(environment), encode=False)
    assert found.made_by == "exported file"
    assert np.abs(found.table.codes[:5] - off.codes[:5]).max() > 0.01
    np.testing.assert_array_equal(load_table(codes_path(environment)).codes, found.table.codes)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes encoding every image too dear."""
    monkeypatch.setattr(submission.job.codes, "CHEAP_SECONDS", 0.0)


@pytest.mark.usefixtures("slow")
def test_codes_of_training_are_used_where_encoding_is_slow_and_they_agree(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    off = leave_codes(environment, num_off=5)
    found = codes_to_score(environment, images_of(environment), encode=False)
    assert found.made_by == "training"
    np.testing.assert_array_equal(found.table.codes, off.codes)
    assert found.difference.quantile_95 < 1e-4
    assert found.difference.largest == pytest.approx(0.1, rel=0.05)
    printed = capsys.readouterr().out.splitlines()[-1]
    assert "0.000" in printed
    assert "0.10" in printed
    forced = codes_to_score(environment, images_of(environment), encode=True)
    assert forced.made_by == "exported file"


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("change", ["codes", "model", "settings", "broken"])
def test_codes_that_do_not_fit_are_replaced_and_not_an_error(
    environment: Environment, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    leave_codes(environment, num_off=100 if change == "codes" else 0)
    if change == "model":
        save_model(environment, Model(2.0))
    if change == "settings":
        (environment.training_path / "configuration.gin").write_text("x = 1")
    if change == "broken":
        codes_path(environment).write_bytes(b"broken")
    capsys.readouterr()
    found = codes_to_score(environment, images_of(environment), encode=False)
    assert found.made_by == "exported file"
    printed = capsys.readouterr().out
    assert f"note: {codes_path(environment)} is not used, so the images are encoded ag" in printed
    assert "--encode" not in printed  # it is being done
    assert found.table.source.model_sha256 == sha256_of(environment.model_path)
    pixels = torch.from_numpy(np.array(images_of(environment).images)).permute(0, 3, 1, 2) / 255
    expected = Model(2.0 if change == "model" else 1.0)(pixels)
    np.testing.assert_allclose(found.table.codes, expected.numpy(), rtol=1e-6)


def test_codes_that_are_nan_for_few_images_are_refused(environment: Environment) -> None:
    save_model(environment, Sometimes())
    with pytest.raises(InputError, match=r"NaN.*server"):
        codes_to_score(environment, images_of(environment), encode=False)


def test_a_constant_latent_is_named(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(environment, Model(constant=0.3))
    evaluate(environment, "mig")
    assert re.search("latent 3: constant.*IRS", capsys.readouterr().out)


def evaluate(environment: Environment, *metrics: str, seed: int = 0) -> dict[str, float]:
    path = evaluate_representation(environment, seed, metrics or ALL_METRICS, encode=False)
    return read_result(path).scores.values()


def test_a_partial_evaluation_keeps_the_other_metrics_of_the_same_model(
    environment: Environment,
) -> None:
    first = evaluate(environment, "sap", "mig")
    again = evaluate(environment, "irs")
    assert set(again) == {"sap", "irs", "mig"}
    assert {metric: again[metric] for metric in first} == first
    metrics = environment.experiment_path / "metrics"
    assert {folder.name for folder in metrics.iterdir()} == {"sap_score", "irs", "mig"}
    rows = read_result(scores_path(environment.representation_path, 0)).rows
    assert all(set(row.means) == set(again) for row in rows if row.name.startswith("perfect"))

    save_model(environment, Model(2.0))
    assert set(evaluate(environment, "mig")) == {"mig"}
    assert {folder.name for folder in metrics.iterdir()} == {"mig"}


def test_another_seed_has_files_of_its_own(environment: Environment) -> None:
    evaluate(environment, "mig")
    files_of_seed_0 = {
        path: path.read_bytes() for path in environment.experiment_path.rglob("*") if path.is_file()
    }
    evaluate(environment, "mig", seed=1)
    for path, content in files_of_seed_0.items():
        assert path.read_bytes() == content, path
    assert scores_path(environment.representation_path, 1).is_file()
    results = environment.experiment_path / "metrics_seed_1/mig/results"
    settings = json.loads((results / "json/evaluation_config.json").read_text())
    assert settings["evaluation.random_seed"] == "1"


def test_a_full_disk_costs_the_files_and_not_the_table(
    environment: Environment,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluate(environment, "mig")  # leaves codes

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError, match=r"scores\.json.*No space.*bytes"):
        evaluate(environment, "mig")
    assert "perfect code" in capsys.readouterr().out


def test_the_printed_rows_of_other_images_say_so_as_the_report_does(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(environment, "mig")
    lines = [line for line in capsys.readouterr().out.splitlines() if "on mpi3d_real" in line]
    assert len(lines) == len(load_pool())
    assert all(line.endswith(OTHER_IMAGES) for line in lines)
    page = write_report(environment, environment.experiment_path / "report")
    assert f"Published scores: {OTHER_IMAGES}<" in page.read_text(encoding="utf-8")
