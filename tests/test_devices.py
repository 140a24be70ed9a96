"""Two processes compute what one computes."""

import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from submission.cli import main
from submission.config.settings import FinetuneSettings
from submission.data.standin.render import render_file
from submission.models.extractor import FeatureExtractor
from submission.models.folding import fold
from submission.models.heads import Heads
from submission.models.weights import save_extractor
from submission.training.batches import LabelledImages
from submission.training.devices import Devices, opened_devices
from submission.training.features.extract import extract_features
from submission.training.finetune.frozen_blocks import FrozenBatchNorm
from submission.training.finetune.task import FinetuneTask
from submission.training.precision import Precision
from tests.image_sets import random_set
from tests.processes import run_in_processes

SINGLE = Precision(torch.float32, "test")
ROOT = Path(__file__).parents[1]


def take_steps(
    devices: Devices, folder: Path, *, num_steps: int, batch_statistics: bool
) -> tuple[Tensor, dict[str, Tensor]]:
    """Finetunes on random images; gives the losses, and values and gradients by name.

    The folder receives the learning curves.
    """
    torch.manual_seed(0)
    strength = 0.3 if batch_statistics else 0.0
    settings = FinetuneSettings(
        architecture="vgg11_bn", batch_size=8, augmentation=strength, learning_rate=1e-4
    )
    extractor = FeatureExtractor("vgg11_bn", dropout=strength)
    if not batch_statistics:
        for layers in (extractor.trunk, extractor.aggregation):
            for number, layer in enumerate(layers):
                if isinstance(layer, nn.BatchNorm2d):
                    layers[number] = FrozenBatchNorm(layer)
    images = LabelledImages([random_set((3, 5))])
    heads = Heads(images.space.names, images.space.sizes)
    task = FinetuneTask(extractor, heads, images, settings, devices, folder)
    losses = torch.stack([task.take_step() for _ in range(num_steps)])
    left = {f"{name} gradient": value.grad for name, value in task.network.named_parameters()}
    left |= dict(task.network.named_parameters())
    return losses, {name: cast(Tensor, value).detach().clone() for name, value in left.items()}


def steps_in_process(
    folder: Path, num_steps: int, batch_statistics: bool
) -> tuple[Tensor, dict[str, Tensor]]:
    with opened_devices(cuda=False, precision=SINGLE) as devices:
        return take_steps(devices, folder, num_steps=num_steps, batch_statistics=batch_statistics)


@pytest.mark.usefixtures("narrow_trunk")
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    """With a network and settings in which images of a batch do not depend on each other.

    A wide network would convolve by tiles, which round more. Then a max pooling may take the other
    one of two nearly equal numbers.
    """
    [(losses, whole)] = run_in_processes(1, steps_in_process, tmp_path, 2, False)
    (first_losses, first), (second_losses, second) = run_in_processes(
        2, steps_in_process, tmp_path, 2, False
    )
    torch.testing.assert_close(first_losses, losses, rtol=1e-5, atol=0)
    assert torch.equal(first_losses, second_losses)
    assert len(whole) > 40
    for name, value in whole.items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], value, rtol=1e-3, atol=1e-5, msg=name)


def test_processes_keep_equal_weights_with_batch_norm_dropout_and_augmentation(
    tmp_path: Path,
) -> None:
    (losses, first), (other_losses, second) = run_in_processes(
        2, steps_in_process, tmp_path, 2, True
    )
    assert losses.isfinite().all()
    assert torch.equal(losses, other_losses)
    for name, value in first.items():
        assert torch.equal(second[name], value), name


def extract_in_process() -> Tensor:
    """Extracts the features of 150 images in chunks of 64."""
    with opened_devices(cuda=False, precision=SINGLE, backend="gloo") as devices:
        images = random_set((3, 5, 10)).images
        torch.manual_seed(0)
        extractor = fold(FeatureExtractor("vgg11_bn").eval())
        features = extract_features(extractor, images, devices, 16, torch.float16)
        return features.clone()


def test_two_processes_have_the_features_of_one() -> None:
    [whole] = run_in_processes(1, extract_in_process)
    first, second = run_in_processes(2, extract_in_process)
    assert whole.shape == (150, 512)
    assert len(second) == 0
    assert torch.equal(first, whole)


def train_in_process(data: Path, output: Path) -> tuple[int, str]:
    """Runs the whole job with a small VAE."""
    os.environ |= {
        "AICROWD_DATASET_NAME": "standin_toy",
        "AICROWD_OUTPUT_PATH": str(output),
        "DISENTANGLEMENT_LIB_DATA": str(data),
    }
    settings = {
        "Extract.weights": str(data / "extractor.safetensors"),
        "Extract.batch_size": 16,
        "Adapt.num_norm_images": 64,
        "Adapt.num_tuning_images": 32,
        "Adapt.batch_size": 16,
        "Fit.encoder_widths": (24,),
        "Fit.decoder_widths": (24,),
        "Fit.batch_size": 16,
        "Fit.num_epochs": 2,
    }
    words = [word for key, value in settings.items() for word in ("--set", f"{key} = {value!r}")]
    with redirect_stdout(StringIO()) as printed:
        return main(["train", "configs/paper.gin", *words]), printed.getvalue()


@pytest.mark.usefixtures("narrow_trunk")
def test_two_processes_train_the_model_of_one(tmp_path: Path) -> None:
    render_file("standin_toy", (1, 1, 1, 1, 2, 8, 8), tmp_path / "standin_toy/standin_toy.npz")
    torch.manual_seed(0)
    heads = Heads(("background_color", "vertical_axis"), (2, 8), 16.0)
    save_extractor(FeatureExtractor("vgg11_bn"), tmp_path / "extractor.safetensors", {}, heads)
    outputs = [tmp_path / "one", tmp_path / "two"]
    [one] = run_in_processes(1, train_in_process, tmp_path, outputs[0])
    first, second = run_in_processes(2, train_in_process, tmp_path, outputs[1])
    assert (one[0], first[0], second) == (0, 0, (0, ""))
    files = ["representation/pytorch_model.pt", "training/codes.safetensors"]
    for file in files:
        contents = [(output / "experiment_name" / file).read_bytes() for output in outputs]
        assert contents[0] == contents[1], file
    assert not list(outputs[1].glob("features-*"))


def finetune_in_process(data: Path, output: Path) -> tuple[int, str, str]:
    """Runs the command with data that the second process does not find."""
    os.environ["DISENTANGLEMENT_LIB_DATA"] = str(data / os.environ["RANK"])
    words = ["--data", "standin_toy", "--output", str(output), "--set", "Finetune.start=''"]
    with redirect_stderr(StringIO()) as errors, redirect_stdout(StringIO()) as printed:
        status = main(["finetune", *words])
    return status, errors.getvalue(), printed.getvalue()


@pytest.mark.usefixtures("narrow_trunk")
def test_an_error_of_one_process_ends_all_with_one_line(tmp_path: Path) -> None:
    render_file("standin_toy", (1, 1, 1, 1, 1, 8, 8), tmp_path / "0/standin_toy/standin_toy.npz")
    first, second = run_in_processes(2, finetune_in_process, tmp_path, tmp_path / "out")
    assert isinstance(first, SystemExit)
    assert second[0] == 1
    assert second[1].startswith("error: expected ")
    assert second[1].count("\n") == 1
    assert second[2] == ""


def torchrun(data: Path, output: Path) -> "subprocess.Popen[str]":
    settings = {"architecture": "vgg11_bn", "start": "", "batch_size": 16, "num_epochs": 3}
    words = [
        word for key, value in settings.items() for word in ("--set", f"Finetune.{key}={value!r}")
    ]
    words += ["--data", "standin_toy", "--output", str(output)]
    program = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [*program, "-m", "submission", "finetune", *words],
        cwd=ROOT,
        env={**os.environ, "DISENTANGLEMENT_LIB_DATA": str(data), "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_torchrun_is_stopped_by_one_signal_and_goes_on(tmp_path: Path) -> None:
    render_file("standin_toy", (1, 1, 1, 1, 1, 8, 8), tmp_path / "standin_toy/standin_toy.npz")
    stopped = torchrun(tmp_path, tmp_path / "out")
    assert stopped.stdout is not None
    while "accuracy on validation" not in stopped.stdout.readline():
        assert stopped.poll() is None
    stopped.terminate()
    printed, errors = stopped.communicate(timeout=600)
    assert stopped.returncode != 0
    assert (printed + errors).count("stopped at step") == 1, errors
    ours = errors.partition("Traceback")[2]  # torchrun shows the signal that it received as one
    assert "submission/" not in ours
    assert (tmp_path / "out/finetune.ckpt").is_file()

    again = torchrun(tmp_path, tmp_path / "out")
    printed, errors = again.communicate(timeout=600)
    assert again.returncode == 0, errors
    assert printed.count("continuing from step") == 1
    assert printed.count("accuracy on validation") == 2
    assert "2 processes" in printed
    assert (tmp_path / "out/extractor.safetensors").is_file()
