"""The command `train`, killed at random moments, ends with the bytes of an undisturbed run."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from submission.data.standin.render import render_file
from submission.models.extractor import FeatureExtractor
from submission.models.weights import save_extractor
from tests.kills import Command, survive

STAGES = ("features", "beta-VAE", "exporting")
SETTINGS = {
    "Extract.batch_size": 16,
    "Fit.encoder_widths": (24, 24),
    "Fit.decoder_widths": (24, 24),
    "Fit.num_latents": 4,
    "Fit.batch_size": 16,
    "Fit.num_epochs": 40,
    "Fit.checkpoint_seconds": 0.02,
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    render_file("standin_toy", (2, 2, 1, 1, 2, 4, 4), folder / "standin_toy/standin_toy.npz")
    torch.manual_seed(0)
    save_extractor(FeatureExtractor("vgg11_bn"), folder / "extractor.safetensors", {})
    return folder


def train(inputs: Path, output: Path) -> Command:
    settings = {**SETTINGS, "Extract.weights": str(inputs / "extractor.safetensors")}
    words = [word for name, value in settings.items() for word in ("--set", f"{name} = {value!r}")]
    variables = {
        "AICROWD_DATASET_NAME": "standin_toy",
        "AICROWD_OUTPUT_PATH": str(output),
        "AICROWD_EVALUATION_NAME": "run",
        "DISENTANGLEMENT_LIB_DATA": str(inputs),
    }
    return Command(["train", "configs/paper.gin", *words], variables, STAGES)


def outcome(output: Path) -> dict[str, Any]:
    """Everything that a run leaves, but the seconds that it took."""
    files = [path for path in sorted((output / "run").rglob("*")) if path.is_file()]
    contents: dict[str, Any] = {str(path.relative_to(output)): path.read_bytes() for path in files}
    notes = json.loads(contents.pop("run/training/training.json"))
    del notes["seconds"]
    return {**contents, "notes": notes}


def test_killed_runs_end_with_the_bytes_of_an_undisturbed_one(inputs: Path, tmp_path: Path) -> None:
    expected: dict[str, Any] = {}

    def compare(output: Path) -> None:
        found = outcome(output)
        if not expected:
            expected.update(found)
        assert found.keys() == expected.keys()
        assert [name for name in found if found[name] != expected[name]] == []

    killed = survive(
        lambda output: train(inputs, output), tmp_path, compare, num_kills=12, kills_per_run=4
    )
    assert {stage for end in killed for stage in end.reached} == set(STAGES)
    assert "run/representation/pytorch_model.pt" in expected
