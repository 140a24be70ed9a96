"""The command `finetune`, killed at random moments, ends with the bytes of an undisturbed run."""

from pathlib import Path

import pytest

from submission.data.standin.render import render_file
from tests.kills import Command, survive

pytestmark = pytest.mark.usefixtures("narrow_trunk")

SETTINGS = {
    "Finetune.architecture": "vgg11_bn",
    "Finetune.start": "",
    "Finetune.batch_size": 8,
    "Finetune.num_epochs": 2,
    "Finetune.augmentation": 0.5,
    "Finetune.checkpoint_seconds": 0.0,
}


def test_killed_runs_end_with_the_bytes_of_an_undisturbed_one(tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    render_file("standin_toy", (2, 1, 1, 1, 1, 4, 5), inputs / "standin_toy/standin_toy.npz")
    expected: dict[str, bytes] = {}

    def command_in(output: Path) -> Command:
        words = [f"{name} = {value!r}" for name, value in SETTINGS.items()]
        words = [word for setting in words for word in ("--set", setting)]
        return Command(
            ["finetune", *words, "--data", "standin_toy", "--output", str(output / "out")],
            {"DISENTANGLEMENT_LIB_DATA": str(inputs)},
            stages=("finetuning:", "accuracy on validation"),
        )

    def compare(output: Path) -> None:
        files = {path.name: path.read_bytes() for path in (output / "out").iterdir()}
        del files["finetune.ckpt"]
        if not expected:
            expected.update(files)
        assert files.keys() == expected.keys()
        assert [name for name in files if files[name] != expected[name]] == []

    killed = survive(command_in, tmp_path, compare, num_kills=8)
    assert any("continuing from step" in end.log for end in killed)
    assert "extractor.safetensors" in expected
