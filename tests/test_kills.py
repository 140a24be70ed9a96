"""The command `train`, killed at random moments, ends with the bytes of a run without kills."""

import json
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from submission.data.standin.render import render_file
from submission.models.extractor import FeatureExtractor
from submission.models.heads import Heads
from submission.models.weights import save_extractor
from tests.kills import Command, Kill, survive
from tests.redis_server import start_server, variables_for

pytestmark = pytest.mark.usefixtures("narrow_trunk")

STAGES = ("tuning:", "adaptation:", "features:", "beta-VAE", "exporting")
SETTINGS = {
    "Adapt.num_tuning_images": 192,
    "Adapt.batch_size": 8,
    "Adapt.checkpoint_seconds": 0.2,
    "Adapt.num_norm_images": 256,
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
    render_file("standin_toy", (2, 2, 1, 1, 2, 4, 8), folder / "standin_toy/standin_toy.npz")
    torch.manual_seed(0)
    heads = Heads(("object_color", "vertical_axis"), (2, 8), 16.0)
    save_extractor(FeatureExtractor("vgg11_bn"), folder / "extractor.safetensors", {}, heads)
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
    """Reads all files that a run leaves; the seconds that it took are left out."""
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
        assert not list(output.glob("features-*"))

    killed = survive(lambda output: train(inputs, output), tmp_path, compare, num_kills=12)
    # A run that was killed once rarely adapts again, so few random kills happen there.
    for stage in ("tuning:", "adaptation:"):
        place = tmp_path / stage
        place.mkdir()
        command = train(inputs, place)
        killed.append(command.start(place / "start0.log", Kill(stage, 0.05)))
        assert command.start(place / "start1.log").status == 0
        compare(place)
    assert {end.stage for end in killed} == set(STAGES)
    assert any(
        re.search(r"continuing from step \d+ of \d+ of the beta-VAE", end.log) for end in killed
    )
    assert any("stored features" in end.log for end in killed)
    assert "run/representation/pytorch_model.pt" in expected


@pytest.mark.parametrize(
    ("stage", "place"),
    [
        ("tuning:", r"stopped at step \d+ of 24 of the tuning"),
        ("features:", r"stopped at \d+ of 256 features"),
        ("beta-VAE", r"stopped at step \d+ of 640 of the beta-VAE"),
    ],
)
def test_a_run_that_a_signal_ends_says_where_it_stopped(
    stage: str, place: str, inputs: Path, tmp_path: Path
) -> None:
    server = start_server(tmp_path)
    command = train(inputs, tmp_path)
    command = replace(command, variables={**command.variables, **variables_for(server.port)})
    try:
        end = command.start(tmp_path / "start.log", Kill(stage, 0.03, signal.SIGTERM))
        events = server.events()
    finally:
        server.kill()
    assert end.status == 128 + signal.SIGTERM
    assert "Traceback" not in end.log
    stopped = re.search(f"({place}; the same command continues)", end.log)
    assert stopped, end.log
    assert (tmp_path / "run/training/tune.ckpt").is_file()
    assert (tmp_path / "run/training/fit.ckpt").is_file() == (stage == "beta-VAE")
    assert events[-1]["message"] == "execution_error"
    assert events[-1]["payload"]["error"] == stopped[1]
