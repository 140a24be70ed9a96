"""Two processes compute what one computes."""

import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from submission.cli import main
from submission.config.settings import FinetuneSettings
from submission.data.standin.render import render_file
from submission.models.extractor import FactorHeads, FeatureExtractor
from submission.models.folding import fold
from submission.models.weights import save_extractor
from submission.training.batches import BatchPart
from submission.training.devices import opened_devices
from submission.training.features.extract import extract_features
from submission.training.finetune.finetune import FinetuneRun
from submission.training.precision import Precision
from submission.training.synchronised import WholeBatchDropout, synchronise
from tests.image_sets import random_set
from tests.processes import run_in_processes

SINGLE = Precision(torch.float32, "test")
SIZES = (3, 4)
ROOT = Path(__file__).parents[1]


def norm_law(part: BatchPart) -> tuple[Tensor, ...]:
    """Runs a batch norm and its derivatives on a part of a batch, in float64."""
    torch.manual_seed(0)
    maps, target = torch.randn(2, 6, 3, 4, 4, dtype=torch.float64) * 3 + 1
    norm = nn.BatchNorm2d(3).double()
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    network = nn.Sequential(norm, nn.Tanh())
    if part.num_parts > 1:
        synchronise(network, part, torch.device("cpu"))
    own = part.of(maps).clone().requires_grad_()
    (network(own) * part.of(target)).sum().backward()
    assert own.grad is not None
    norm = cast(nn.BatchNorm2d, network[0])
    results = own.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var
    return cast(tuple[Tensor, ...], results)


def law_in_process() -> tuple[Tensor, ...]:
    with opened_devices(cuda=False, precision=SINGLE) as devices:
        return norm_law(devices.part)


def test_parts_of_a_batch_are_normalised_as_the_whole() -> None:
    whole = norm_law(BatchPart())
    first, second = run_in_processes(2, law_in_process)
    torch.testing.assert_close(torch.cat([first[0], second[0]]), whole[0], rtol=1e-12, atol=1e-12)
    for place in (1, 2):
        torch.testing.assert_close(first[place] + second[place], whole[place], rtol=1e-12, atol=0)
    for place in (3, 4):
        torch.testing.assert_close(first[place], whole[place], rtol=1e-12, atol=0)
        assert torch.equal(first[place], second[place])


def dropout_in_process() -> Tensor:
    with opened_devices(cuda=False, precision=SINGLE) as devices:
        torch.manual_seed(0)
        maps = torch.arange(1.0, 121.0).reshape(6, 20, 1, 1)
        return WholeBatchDropout(0.4, devices.part).forward(devices.part.of(maps))


def test_channels_are_dropped_as_from_the_whole_batch() -> None:
    torch.manual_seed(0)
    whole = nn.Dropout2d(0.4)(torch.arange(1.0, 121.0).reshape(6, 20, 1, 1))
    assert 0 < (whole == 0).sum() < 120
    assert torch.equal(torch.cat(run_in_processes(2, dropout_in_process)), whole)


def step_in_process() -> dict[str, Tensor]:
    """Takes a step of finetuning on a batch of 8; gives what it left, by name."""
    with opened_devices(cuda=False, precision=SINGLE) as devices:
        torch.manual_seed(0)
        settings = FinetuneSettings(architecture="vgg11_bn", batch_size=8, augmentation=1.0)
        extractor = FeatureExtractor("vgg11_bn", dropout=0.3)
        run = FinetuneRun(settings, extractor, FactorHeads(SIZES), devices)
        run.classifier.train()
        pixels = torch.randint(256, (8, 64, 64, 3), dtype=torch.uint8)
        factors = torch.stack([torch.randint(size, (8,)) for size in SIZES], dim=1)
        loss = run.advance(devices.part.of(pixels), devices.part.of(factors), num_steps=10)
        left = {name: value.grad for name, value in run.classifier.module.named_parameters()}
        left |= dict(run.extractor.named_buffers())
        left["loss"] = torch.tensor(run.agree(loss)[0])
        return {name: cast(Tensor, value).clone() for name, value in left.items()}


def test_two_processes_have_the_gradients_of_one() -> None:
    [whole] = run_in_processes(1, step_in_process)
    first, second = run_in_processes(2, step_in_process)
    assert len(whole) > 60
    for name, value in whole.items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], value, rtol=0, atol=1e-5, msg=name)


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


def test_two_processes_train_the_model_of_one(tmp_path: Path) -> None:
    render_file("standin_toy", (1, 1, 1, 1, 2, 8, 8), tmp_path / "standin_toy/standin_toy.npz")
    torch.manual_seed(0)
    heads = FactorHeads((2, 8), 16.0).keep(["background_color", "vertical_axis"])
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
    printed, errors = stopped.communicate(timeout=60)
    assert stopped.returncode != 0
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, errors
    assert "the same command goes on from" in lines[0]
    assert (tmp_path / "out/finetune.ckpt").is_file()

    again = torchrun(tmp_path, tmp_path / "out")
    printed, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert printed.count("going on from step") == 1
    assert printed.count("accuracy on validation") == 2
    assert "2 processes" in printed
    assert (tmp_path / "out/extractor.safetensors").is_file()
