"""The preset of stage 1 through the main job, on a small trunk of random weights in a real file."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from submission.cli import main
from submission.files import sha256_of
from submission.models.export import load_exported
from submission.scoring.code_table import load_table
from tests.old_operators import graph_of, too_new_in
from tests.run_variables import set_variables
from tests.test_imagenet import save_as_published

pytestmark = pytest.mark.usefixtures("narrow_trunk")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Trains on 16 images; gives the experiment's folder and the weights' file."""
    folder = tmp_path_factory.mktemp("stage1")
    weights, _ = save_as_published(folder)
    data = folder / "dataset/standin_real/standin_real.npz"
    data.parent.mkdir(parents=True)
    blocks = np.random.default_rng(0).integers(0, 256, (16, 4, 4, 3), dtype=np.uint8)
    images = blocks.repeat(16, axis=1).repeat(16, axis=2)  # noise would look the same everywhere
    np.savez(data, images=images, factor_sizes=np.array([2, 2, 1, 1, 1, 2, 2]))
    overrides = [
        f"Extract.weights = '{weights}'",
        "Fit.batch_size = 8",
        "Fit.num_epochs = 2",
        "Fit.anneal_end = 2",
    ]
    with pytest.MonkeyPatch.context() as patch:
        set_variables(patch, folder, AICROWD_EVALUATION_NAME="first")
        words = [word for line in overrides for word in ("--set", line)]
        assert main(["train", "configs/stage1.gin", *words]) == 0
    return folder / "shared/first", weights


def test_the_exported_file_gives_the_codes_of_training(trained: tuple[Path, Path]) -> None:
    table = load_table(trained[0] / "training/codes.safetensors")
    represent = load_exported(trained[0] / "representation/pytorch_model.pt")
    data = trained[0].parents[1] / "dataset/standin_real/standin_real.npz"
    images = torch.from_numpy(np.load(data, allow_pickle=False)["images"])
    with torch.no_grad():
        codes = represent(images.permute(0, 3, 1, 2).float() / 255)
    assert codes.shape == (16, 18)
    scale = codes.std(dim=0).max()
    assert (codes - torch.from_numpy(table.codes)).abs().max() < 0.25 * scale  # bfloat16 features


def test_only_operators_that_torch_1_8_has_are_used(trained: tuple[Path, Path]) -> None:
    assert too_new_in(graph_of(trained[0] / "representation/pytorch_model.pt")) == set()


def test_the_run_notes_its_weights_and_settings(trained: tuple[Path, Path]) -> None:
    folder, weights = trained
    notes = json.loads((folder / "training/training.json").read_text())
    assert notes["weights_sha256"] == sha256_of(weights)
    assert notes["settings"]["Extract"]["kind"] == "stage1"
    assert notes["settings"]["Fit"]["reduction"] == "sum"
    assert (
        "submission.Extract.kind = 'stage1'" in (folder / "training/configuration.gin").read_text()
    )
    assert not (folder / "training/started.gin").exists()
