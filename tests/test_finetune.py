import csv
import dataclasses
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from submission.config.configuration import load_configuration
from submission.config.settings import FinetuneSettings
from submission.errors import Stopped
from submission.models.extractor import FeatureExtractor
from submission.models.heads import Heads
from submission.training.batches import LabelledImages
from submission.training.curves import EVENT_FILE
from submission.training.devices import Devices, one_device
from submission.training.finetune.classifier import factor_accuracies
from submission.training.finetune.finetune import Finetuned, finetune
from submission.training.finetune.task import FinetuneTask
from submission.training.interruption import stop_requested
from submission.training.precision import Precision
from submission.training.radam import FusedRAdam
from tests.image_sets import random_set, rendered_set

pytestmark = pytest.mark.usefixtures("narrow_trunk")

DEVICES = one_device(torch.device("cpu"), Precision(torch.float32, "test"))
SETTINGS = FinetuneSettings(
    architecture="vgg11_bn",
    start="",
    head_scale=16.0,
    batch_size=8,
    num_epochs=2,
    images_per_epoch=32,
    learning_rate_decay="cosine",
    augmentation=0.5,
)


def run(
    folder: Path,
    settings: FinetuneSettings = SETTINGS,
    devices: Devices = DEVICES,
    start: int = 0,
) -> Finetuned:
    torch.manual_seed(start)
    extractor = FeatureExtractor(settings.architecture, settings.dropout)
    sets = [rendered_set("standin_toy"), rendered_set("standin_realistic")]
    heads = Heads(sets[0].space.names, sets[0].space.sizes, settings.head_scale)
    return finetune(
        extractor, heads, sets, [rendered_set("standin_real")], settings, devices, folder
    )


def weights_of(result: Finetuned) -> dict[str, torch.Tensor]:
    return result.extractor.state_dict()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On small batches threads wait for each other longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finetuned, Path]:
    folder = tmp_path_factory.mktemp("finetune")
    return run(folder), folder


def test_the_outcome_is_frozen_and_measured_on_every_set(
    undisturbed: tuple[Finetuned, Path],
) -> None:
    result, folder = undisturbed
    assert not result.extractor.training
    assert set(result.accuracies) == {"validation", "standin_real"}
    names = list(result.accuracies["validation"])
    assert names[0] == "object_color"
    assert len(names) == 7
    assert result.accuracies["validation"]["object_size"] == 1.0  # it has one value only
    assert result.num_images_seen == 64  # 4 batches of 8, twice
    assert load_configuration(folder / "configuration.gin").finetune == SETTINGS
    with (folder / "curves.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"accuracy/validation/object_color", "accuracy/standin_real/object_color"} <= {
        row["name"] for row in rows
    }


def test_an_unknown_value_is_neither_right_nor_wrong() -> None:
    known = random_set((2, 3))
    images = LabelledImages([known, replace(known, unknown=("factor_0",))])
    order = np.arange(len(images))

    def first_of_each(pixels: torch.Tensor) -> list[torch.Tensor]:
        return [torch.eye(size)[[0] * len(pixels)] for size in (2, 3)]

    accuracies = factor_accuracies(first_of_each, images, order, DEVICES)
    assert list(accuracies.values()) == pytest.approx([1 / 2, 1 / 3])


@pytest.mark.parametrize("step", [4, 7])
def test_a_stopped_run_ends_with_the_bytes_of_an_undisturbed_one(
    undisturbed: tuple[Finetuned, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
) -> None:
    train_on = FinetuneTask.train_on

    def stopped(self: FinetuneTask, pixels: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        loss = train_on(self, pixels, factors)
        if self.steps_done == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss

    monkeypatch.setattr(FinetuneTask, "train_on", stopped)
    with pytest.raises(Stopped, match=f"stopped at step {step} of 8 of the finetuning"):
        run(tmp_path)
    monkeypatch.undo()
    result = run(tmp_path)
    for name, value in weights_of(undisturbed[0]).items():
        assert torch.equal(value, weights_of(result)[name]), name
    assert result.accuracies == undisturbed[0].accuracies
    for name in ("curves.csv", EVENT_FILE, "configuration.gin"):
        assert (tmp_path / name).read_bytes() == (undisturbed[1] / name).read_bytes()


@pytest.mark.parametrize(("seed", "start"), [(1, 0), (0, 1)])
def test_a_checkpoint_of_other_settings_or_another_start_is_refused(
    seed: int, start: int, undisturbed: tuple[Finetuned, Path]
) -> None:
    other = dataclasses.replace(SETTINGS, seed=seed)
    before = (undisturbed[1] / "configuration.gin").read_bytes()
    with pytest.raises(ValueError, match=r"finetune\.ckpt.*delete it"):
        run(undisturbed[1], other, start=start)
    assert (undisturbed[1] / "configuration.gin").read_bytes() == before


@pytest.mark.parametrize("num_images", [8, 32])
def test_weights_that_explode_are_refused_and_not_stored(num_images: int, tmp_path: Path) -> None:
    """With one step, only the weights tell; with more, the loss of the second one does."""
    settings = dataclasses.replace(
        SETTINGS, learning_rate=1e30, images_per_epoch=num_images, num_epochs=1
    )
    for seconds in (0.0, 60.0):
        settings = dataclasses.replace(settings, checkpoint_seconds=seconds)
        with pytest.raises(ValueError, match=r"finite.*Finetune\.learning_rate"):
            run(tmp_path, settings)
        assert not (tmp_path / "finetune.ckpt").exists()


def test_more_images_than_a_batch_are_needed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Finetune\.batch_size.*512"):
        run(tmp_path, dataclasses.replace(SETTINGS, batch_size=512))


def test_the_learning_rate_is_constant_or_falls_to_zero(tmp_path: Path) -> None:
    for settings, expected in (
        (dataclasses.replace(SETTINGS, learning_rate_decay="constant"), [1e-3] * 3),
        (SETTINGS, [1e-3, 0.5e-3, 0.0]),
    ):
        images = LabelledImages([rendered_set("standin_toy")])
        heads = Heads(images.space.names, images.space.sizes)
        extractor = FeatureExtractor("vgg11_bn")
        task = FinetuneTask(extractor, heads, images, settings, DEVICES, tmp_path)
        found = []
        for step in (0, task.num_steps // 2, task.num_steps):
            task.steps_done = step
            found.append(task.learning_rate)
        assert found == pytest.approx(expected)


def test_the_scale_of_the_heads_multiplies_the_features() -> None:
    torch.manual_seed(0)
    plain = Heads(("shape", "color"), (3, 4))
    scaled = Heads(("shape", "color"), (3, 4), scale=16)
    scaled.load_state_dict(plain.state_dict())
    features = torch.rand(2, 512)
    for first, second in zip(plain(16 * features), scaled(features), strict=True):
        torch.testing.assert_close(first, second)


def test_radam_with_decoupled_decay_takes_the_papers_steps() -> None:
    """Liu et al. 2019, algorithm 2, in float64: five unadapted steps, then rectified ones."""
    start, rate, decay, beta1, beta2 = 1.5, 1e-3, 0.01, 0.9, 0.999
    parameter = torch.nn.Parameter(torch.tensor([start], dtype=torch.float64))
    optimizer = FusedRAdam([parameter], rate, (beta1, beta2), decay)
    value, first, second = start, 0.0, 0.0
    rho_end = 2 / (1 - beta2) - 1
    for step in range(1, 9):
        gradient = 2 * value
        parameter.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        value *= 1 - rate * decay
        first = beta1 * first + (1 - beta1) * gradient
        second = beta2 * second + (1 - beta2) * gradient**2
        rho = rho_end - 2 * step * beta2**step / (1 - beta2**step)
        mean = first / (1 - beta1**step)
        if rho > 5:
            rectified = (rho - 4) * (rho - 2) * rho_end / ((rho_end - 4) * (rho_end - 2) * rho)
            length = (second / (1 - beta2**step)) ** 0.5
            value -= rate * rectified**0.5 * mean / length
        else:
            value -= rate * mean
        assert parameter.item() == pytest.approx(value, rel=1e-8)


def test_signals_mean_what_they_meant_after_the_block() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_requested() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop() == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
