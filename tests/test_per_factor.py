"""Latents per factor and an adapted extractor through the main job, on a small trunk."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from submission.cli import main
from submission.files import locked
from submission.job import train as job
from submission.models.export import load_exported
from submission.models.heads import Heads
from submission.models.weights import save_extractor
from submission.scoring.code_table import load_table
from submission.training import precision
from submission.training.features.extract import extract_features
from tests.extractors import make_extractor
from tests.image_sets import rendered_set
from tests.old_operators import graph_of, too_new_in
from tests.run_variables import set_variables

pytestmark = pytest.mark.usefixtures("narrow_trunk")

GRID = (2, 2, 1, 1, 1, 3, 3)
HEADS = ("object_color", "object_shape", "horizontal_axis")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a data set and two weights files, one of them without heads."""
    folder = tmp_path_factory.mktemp("per_factor")
    write_images(folder, GRID)
    extractor = make_extractor()
    heads = Heads(HEADS, (6, 6, 40), 16.0)
    save_extractor(extractor, folder / "with_heads.safetensors", {}, heads)
    save_extractor(extractor, folder / "without_heads.safetensors", {})
    return folder


def write_images(folder: Path, grid: tuple[int, ...]) -> None:
    data = folder / "dataset/standin_real/standin_real.npz"
    data.parent.mkdir(parents=True)
    np.savez(data, images=rendered_set("standin_real", grid).images, factor_sizes=np.array(grid))


def train(project: Path, name: str, weights: str, *further: str) -> int:
    overrides = [
        f"Extract.weights = '{project / weights}'",
        "Adapt.num_tuning_images = 24",
        "Adapt.batch_size = 12",
        "Adapt.num_norm_images = 32",
        "Fit.latents = 'per_factor'",
        "Fit.encoder_widths = (8, 8)",
        "Fit.decoder_widths = (8,)",
        "Fit.num_copies = 2",
        "Fit.batch_size = 12",
        "Fit.num_epochs = 2",
        "Fit.anneal_start = 0",
        "Fit.anneal_end = 2",
        *further,
    ]
    with pytest.MonkeyPatch.context() as patch:
        set_variables(patch, project, AICROWD_EVALUATION_NAME=name)
        return main(["train", *(word for line in overrides for word in ("--set", line))])


@pytest.fixture(scope="module")
def trained(project: Path) -> Path:
    assert train(project, "first", "with_heads.safetensors") == 0
    return project / "shared/first"


def exported_codes(experiment: Path, grid: tuple[int, ...] = GRID) -> Tensor:
    images = torch.from_numpy(np.array(rendered_set("standin_real", grid).images))
    represent = load_exported(experiment / "representation/pytorch_model.pt")
    with torch.no_grad():
        codes: Tensor = represent(images.permute(0, 3, 1, 2).float() / 255)
    return codes


@pytest.mark.parametrize("tuning", ["Adapt.num_tuning_images = 0", "Adapt.num_tuning_images = 24"])
def test_the_exported_file_gives_the_codes_of_training(
    project: Path, monkeypatch: pytest.MonkeyPatch, tuning: str
) -> None:
    monkeypatch.setattr(precision, "_cpu_flags", frozenset)  # float32, to compare closely
    assert train(project, "exact", "with_heads.safetensors", tuning) == 0
    table = load_table(project / "shared/exact/training/codes.safetensors")
    codes = exported_codes(project / "shared/exact")
    assert codes.shape == (36, len(HEADS))
    torch.testing.assert_close(codes, torch.from_numpy(table.codes), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("adaptation", "bound"), [(0, 0.25), (32, 0.5)])
def test_features_of_fewer_bits_give_nearly_the_codes_of_the_exported_file(
    project: Path, tmp_path: Path, adaptation: int, bound: float
) -> None:
    """Norms estimated from few images enlarge the rounding of bfloat16, by processor.

    An image between two values may fall to either side; one in ten may.
    """
    grid = (4, 6, 1, 1, 1, 3, 3)
    write_images(tmp_path, grid)
    weights = str(project / "with_heads.safetensors")
    settings = ("Adapt.num_tuning_images = 0", f"Adapt.num_norm_images = {adaptation}")
    assert train(tmp_path, "rounded", weights, *settings) == 0
    table = load_table(tmp_path / "shared/rounded/training/codes.safetensors")
    codes = exported_codes(tmp_path / "shared/rounded", grid)
    scale = codes.std(dim=0).max()
    errors = (codes - torch.from_numpy(table.codes)).abs()
    assert errors.amax(dim=1).quantile(0.9) < bound * scale
    assert errors.square().mean().sqrt() < 0.12 * scale


def test_an_adapted_extractor_is_stored_and_gives_the_same_codes(
    project: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = exported_codes(trained)
    again = "extractor: adapted to these images in an earlier run"

    def printed_by_training() -> str:
        capsys.readouterr()
        keep = "Extract.keep_features = True"
        assert train(project, "kept", "with_heads.safetensors", keep) == 0
        assert torch.equal(exported_codes(project / "shared/kept"), expected)
        return capsys.readouterr().out

    assert again not in printed_by_training()
    assert again in printed_by_training()
    (kept,) = (project / "shared").glob("features-*/adapted.safetensors")
    kept.write_bytes(kept.read_bytes()[:-1])
    printed = printed_by_training()
    assert again not in printed
    assert re.search(r"warning.*adapted\.safetensors", printed)
    shutil.rmtree(kept.parent)


def test_a_value_that_no_image_seems_to_have_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heads = Heads(HEADS, (6, 6, 40), 16.0)
    heads.biases[1][3] = -1e3
    save_extractor(make_extractor(), project / "without_a_shape.safetensors", {}, heads)
    assert train(project, "lacking", "without_a_shape.safetensors") == 0
    assert "object_shape 3 in 0.0 % of the images" in capsys.readouterr().out


def test_only_operators_that_torch_1_8_has_are_used(trained: Path) -> None:
    assert too_new_in(graph_of(trained / "representation/pytorch_model.pt")) == set()


def test_shared_latents_take_features_of_a_tuned_extractor(project: Path) -> None:
    settings = ("Fit.latents = 'shared'", "Fit.num_copies = 1", "Fit.num_latents = 3")
    assert train(project, "shared", "with_heads.safetensors", *settings) == 0
    table = load_table(project / "shared/shared/training/codes.safetensors")
    assert table.codes.shape == (36, 3)


def test_the_heads_answers_can_be_the_representation(project: Path) -> None:
    settings = ("Fit.latents = 'heads'", "Fit.num_copies = 1")
    assert train(project, "heads", "with_heads.safetensors", *settings) == 0
    table = load_table(project / "shared/heads/training/codes.safetensors")
    assert table.codes.shape == (36, len(HEADS))
    assert (table.codes >= 0).all()
    assert (table.codes.max(axis=0) <= [5, 5, 39]).all()
    model = project / "shared/heads/representation/pytorch_model.pt"
    assert too_new_in(graph_of(model)) == set()


def test_a_part_of_the_images_gives_codes_for_all(project: Path) -> None:
    assert train(project, "part", "with_heads.safetensors", "Fit.num_images = 20") == 0
    table = load_table(project / "shared/part/training/codes.safetensors")
    assert table.codes.shape == (36, len(HEADS))


TUNING_OFF = "Adapt.num_tuning_images = 0"
SHARED = ("Fit.latents = 'shared'", "Fit.num_copies = 1")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["Extract.kind = 'average'"], r"Extract\.kind.*Adapt\.num_tuning_images=24.*'average'"),
        (["Adapt.batch_size = 37"], r"Adapt\.batch_size.*24.*37"),
        (["Extract.kind = 'average'", TUNING_OFF], r"Extract\.kind.*'per_factor'.*'average'"),
        (["Fit.num_images = 37"], r"Fit\.num_images.*36.*37"),
        (["Fit.num_images = 5"], r"Fit\.batch_size.*5.*12"),
        (["Fit.latents = 'shared'"], r"Fit\.num_copies.*'shared'.*2"),
        (
            [TUNING_OFF, "Extract.kind = 'unnormalised'", *SHARED],
            r"Fit\.sigmoid=False.*'unnormalised'.*True",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], settings: list[str], message: str
) -> None:
    assert train(project, "refused", "with_heads.safetensors", *settings) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert re.search(message, error[-1])
    assert len(error) == 1


def test_a_representation_without_a_vae_needs_no_batch_of_features(project: Path) -> None:
    settings = ("Fit.latents = 'heads'", "Fit.num_copies = 1", "Fit.batch_size = 37", TUNING_OFF)
    assert train(project, "heads_alone", "with_heads.safetensors", *settings) == 0


def test_a_folder_that_another_run_holds_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project / "shared/held"
    with locked(folder, "the first run"):
        assert train(project, "held", "with_heads.safetensors") == 1
    error = capsys.readouterr().err
    assert re.search(r"held.*the first run.*AICROWD_EVALUATION_NAME", error)
    assert list(folder.rglob("*")) == []


def test_images_that_change_during_the_run_are_refused(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = project / "dataset/standin_real/standin_real.npz"
    before = data.read_bytes()

    def extract_and_overwrite(*arguments: object, **further: object) -> Tensor:
        features = extract_features(*arguments, **further)  # type: ignore[arg-type]
        data.write_bytes(before)
        return features

    monkeypatch.setattr(job, "extract_features", extract_and_overwrite)
    assert train(project, "changed", "with_heads.safetensors", TUNING_OFF) == 1
    assert re.search(r"standin_real\.npz changed", capsys.readouterr().err)
    assert not (project / "shared/changed/representation/pytorch_model.pt").exists()


def test_the_run_notes_its_settings(trained: Path) -> None:
    notes = json.loads((trained / "training/training.json").read_text())
    assert notes["settings"]["Adapt"]["num_tuning_images"] == 24
    assert notes["settings"]["Adapt"]["num_norm_images"] == 32
    assert notes["settings"]["Fit"]["latents"] == "per_factor"
    assert "adaptation" in notes["seconds"]


def test_weights_without_heads_are_refused_in_one_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(project, "refused", "without_heads.safetensors") == 1
    error = capsys.readouterr().err.strip()
    assert re.search(r"heads in .*without_heads.*Fit\.latents='shared'", error)
    assert "\n" not in error


def test_too_few_images_for_a_batch_are_refused_before_the_extraction(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(project, "few", "with_heads.safetensors", "Fit.batch_size = 37") == 1
    captured = capsys.readouterr()
    assert re.search(r"Fit\.batch_size.*36.*37", captured.err)
    assert "features:" not in captured.err
