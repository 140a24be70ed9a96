"""The whole job through `run.sh`, started as a newcomer and as the evaluation server start it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from submission.data.standin.render import render_file
from submission.models.export import load_exported

ROOT = Path(__file__).parents[1]
GRID = "2,2,2,1,1,3,3"
SMALLER_BATCH = ("--set", "Fit.batch_size = 64")
BATCH_GRID = (2, 2, 2, 1, 2, 4, 4)  # as many images as a batch of the default's


def environment(folder: Path, **variables: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AICROWD_")}
    return {
        **kept,
        "AICROWD_OUTPUT_PATH": str(folder / "shared"),
        "DISENTANGLEMENT_LIB_DATA": str(folder / "dataset"),
        "STANDIN_GRID": GRID,
        "CUDA_VISIBLE_DEVICES": "",
        **variables,
    }


def run(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(ROOT / "run.sh"), *words],
        cwd=folder,
        env=environment(folder, **variables),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def local(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    folder = tmp_path_factory.mktemp("local")
    return folder, run(folder, "configs/quick.gin", "tiny", *SMALLER_BATCH)


def test_a_local_run_ends_with_five_scores(
    local: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    folder, done = local
    assert done.returncode == 0, done.stderr
    assert "is here already" not in done.stdout
    representation = folder / "shared/tiny/representation"
    scores = json.loads((representation / "scores.json").read_text())
    assert set(scores["scores"]) == {"factor_vae", "dci", "sap", "irs", "mig"}
    assert all(0 <= score <= 1 for score in scores["scores"].values())
    assert scores["data"]["sizes"] == [int(size) for size in GRID.split(",")]
    assert scores["data"]["num_images"] == 72
    for line in ("FactorVAE", "perfect code", "paper, stage 2", "paper, stage 1", "report.html"):
        assert line in done.stdout, line
    assert "Traceback" not in done.stderr
    assert not (representation / "tfhub").exists()
    assert (representation / "results").is_dir()
    for metric in ("factor_vae_metric", "dci", "sap_score", "irs", "mig"):
        aggregate = folder / f"shared/tiny/metrics/{metric}/results/aggregate/evaluation.json"
        assert aggregate.is_file()


def test_the_model_maps_images_to_codes(
    local: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    represent = load_exported(local[0] / "shared/tiny/representation/pytorch_model.pt")
    nhwc = np.random.default_rng(0).random((64, 64, 64, 3))
    strided = torch.from_numpy(np.moveaxis(nhwc, 3, 1)).float()
    with torch.no_grad():
        whole = represent(strided)
        assert whole.shape == (64, 16)
        assert whole.dtype == torch.float32
        for batch in (1, 8, 16):
            torch.testing.assert_close(
                represent(strided[:batch].contiguous()), whole[:batch], rtol=0, atol=1e-4
            )


def test_the_saved_configuration_gives_the_same_model_and_scores(
    local: tuple[Path, "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    folder, _ = local
    shutil.copytree(folder / "dataset", tmp_path / "dataset")
    saved = [place / "shared/tiny/training/configuration.gin" for place in (folder, tmp_path)]
    again = run(tmp_path, str(saved[0]), "tiny")
    assert again.returncode == 0, again.stderr
    assert "standin_real.npz is here already" in again.stdout
    assert saved[0].read_bytes() == saved[1].read_bytes()
    files = [place / "shared/tiny/representation/pytorch_model.pt" for place in (folder, tmp_path)]
    assert files[0].read_bytes() == files[1].read_bytes()
    scores = [json.loads(file.with_name("scores.json").read_text())["scores"] for file in files]
    assert scores[0] == scores[1]


def test_images_of_another_grid_are_neither_used_nor_lost(tmp_path: Path) -> None:
    images = tmp_path / "dataset/standin_real/standin_real.npz"
    render_file("standin_real", BATCH_GRID, images)
    before = images.read_bytes()
    done = run(tmp_path, "configs/quick.gin", "tiny")
    assert done.returncode == 1
    for words in (f"the grid {GRID}", ",".join(map(str, BATCH_GRID)), "--force", "STANDIN_GRID"):
        assert words in done.stderr.splitlines()[-1]
    assert images.read_bytes() == before


def test_the_server_gets_the_model_and_nothing_else(tmp_path: Path) -> None:
    """Another working folder, data from elsewhere, no local evaluation."""
    render_file("standin_real", BATCH_GRID, tmp_path / "dataset/standin_real/standin_real.npz")
    done = run(
        tmp_path,
        AICROWD_IS_GRADING="1",
        AICROWD_EVALUATION_NAME="graded",
        AICROWD_DATASET_NAME="standin_real",
    )
    assert done.returncode == 0, done.stderr
    experiment = tmp_path / "shared/graded"
    assert (experiment / "representation/pytorch_model.pt").is_file()
    assert not (experiment / "representation/scores.json").exists()
    assert not (experiment / "metrics").exists()
    assert not list((tmp_path / "shared").glob("features-*"))
    assert not (experiment / "training/codes.safetensors").exists()
    assert "FactorVAE" not in done.stdout
    configuration = (experiment / "training/configuration.gin").read_text()
    assert "submission.Fit.latents = 'per_factor'" in configuration


def test_missing_data_are_named_in_one_line_on_the_server(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        AICROWD_IS_GRADING="1",
        AICROWD_EVALUATION_NAME="graded",
        AICROWD_DATASET_NAME="mpi3d_real",
    )
    assert done.returncode != 0
    assert done.stderr.strip().count("\n") == 0
    assert "mpi3d_real.npz" in done.stderr


@pytest.mark.parametrize("words", [("configs/best.gin", "--set"), ("--set",)])
def test_settings_without_a_name_before_them_are_refused(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = run(tmp_path, *words, "Fit.seed=1")
    assert done.returncode == 2
    [error] = done.stderr.strip().splitlines()
    assert error.startswith("error: expected CONFIG and NAME before the settings, got")
    assert "--set" in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_printed_and_nothing_else_happens(tmp_path: Path, word: str) -> None:
    done = run(tmp_path, word)
    assert done.returncode == 0
    assert "./run.sh [CONFIG [NAME [--set SETTING=VALUE ...]]]" in done.stdout
    assert not done.stderr
    assert not list(tmp_path.iterdir())


def test_help_of_the_tests_is_printed_and_nothing_is_tested(tmp_path: Path) -> None:
    words = [str(ROOT / "test.sh"), "--help"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0
    assert done.stdout.splitlines()[1] == "./test.sh [OPTIONS OF PYTEST ...]"
    assert len(done.stdout.splitlines()) == 3


def test_minutes_that_are_no_number_are_refused_before_the_work(tmp_path: Path) -> None:
    done = run(tmp_path, "configs/quick.gin", STANDIN_GRID="", RUN_MINUTES="soon")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: expected RUN_MINUTES")
    assert "soon" in done.stderr
    assert not (tmp_path / "dataset").exists()
