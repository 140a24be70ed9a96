import copy
import os
import signal
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from submission.config.settings import AdaptSettings
from submission.errors import Stopped
from submission.models.extractor import Extractor
from submission.models.heads import Heads
from submission.training.adapt.norms import estimate_norms
from submission.training.adapt.rare_values import find_rare_values
from submission.training.adapt.tuning import TuningTask
from submission.training.batches import to_unit_range
from submission.training.checkpoint import CheckpointFile
from submission.training.devices import one_device
from submission.training.loop import run_loop
from submission.training.losses import information_loss
from submission.training.precision import Precision
from tests.extractors import make_extractor
from tests.image_sets import rendered_set

pytestmark = pytest.mark.usefixtures("narrow_trunk")

CPU = torch.device("cpu")
DEVICES = one_device(CPU, Precision(torch.float32, "test"))
IMAGES = rendered_set("standin_real").images
SETTINGS = AdaptSettings(num_tuning_images=48, batch_size=8, learning_rate=1e-3, augmentation=0.5)


@cache
def start_features() -> Tensor:
    with torch.no_grad():
        features: Tensor = adapted(make_extractor())(to_unit_range(torch.from_numpy(IMAGES), CPU))
    return features


@cache
def even_bias() -> Tensor:
    """Finds the bias with which a random head gives all values equally often."""
    heads = random_heads()
    for _ in range(200):
        heads.biases[0].sub_(0.5 * heads.probabilities(start_features())[0].mean(dim=0).log())
        heads.biases[0].sub_(heads.biases[0].mean())
    return heads.biases[0].clone()


def random_heads() -> Heads:
    torch.manual_seed(1)
    heads = Heads(["object_color", "vertical_axis"], (4, 5), 16.0)
    return heads.requires_grad_(requires_grad=False)


def make_heads() -> Heads:
    """Random heads; those of the color find no value rare."""
    heads = random_heads()
    heads.biases[0].copy_(even_bias())
    return heads


def adapted(extractor: Extractor) -> Extractor:
    return estimate_norms(extractor, IMAGES, len(IMAGES), 0, DEVICES)


def make_task(settings: AdaptSettings = SETTINGS, heads: Heads | None = None) -> TuningTask:
    return TuningTask(adapted(make_extractor()), heads or make_heads(), IMAGES, settings, DEVICES)


def checkpoint(folder: Path) -> CheckpointFile:
    return CheckpointFile(folder / "tune.ckpt", SETTINGS, {})


def entropy(probabilities: Tensor) -> Tensor:
    terms: Tensor = torch.special.entr(probabilities)
    return terms.sum(dim=-1)


def test_the_information_is_the_published_formula() -> None:
    """Liang et al. 2020, equations 3 and 4."""
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    answers = logits.softmax(dim=1)
    expected = entropy(answers).mean() - entropy(answers.mean(dim=0))
    torch.testing.assert_close(information_loss(logits), expected)


def test_certain_and_varied_answers_hold_most_information() -> None:
    assert information_loss(1000 * torch.eye(4)).item() == pytest.approx(-np.log(4), rel=1e-5)
    one_value = 1000 * torch.eye(4)[[0, 0, 0, 0]]
    assert information_loss(one_value).item() == pytest.approx(0, abs=1e-5)


def test_answers_become_certain_and_stay_varied(tmp_path: Path) -> None:
    images = rendered_set("standin_real", (2, 2, 1, 1, 2, 8, 10)).images
    settings = AdaptSettings(num_tuning_images=len(images), learning_rate=2e-3, axis_weight=0.0)
    extractor = adapted(make_extractor())
    pixels = to_unit_range(torch.from_numpy(IMAGES), CPU)

    def color(extractor: Extractor) -> Tensor:
        with torch.no_grad():
            logits: Tensor = make_heads()(adapted(extractor)(pixels))[0]
        return logits

    before = color(extractor)
    task = TuningTask(extractor, make_heads(), images, settings, DEVICES)
    assert task.held == ["vertical_axis"]
    run_loop(task, checkpoint(tmp_path))
    after = color(task.network.eval())
    assert information_loss(after) < information_loss(before) - 0.05
    assert entropy(after.softmax(1).mean(dim=0)) > entropy(before.softmax(1).mean(dim=0)) - 0.1


@pytest.mark.parametrize("rare", [False, True])
def test_answers_about_held_factors_are_those_of_the_extractor_as_it_was(rare: bool) -> None:
    """The loss of a step, by hand. A factor with a rare value is held like an axis."""
    settings = replace(SETTINGS, augmentation=0.0, axis_weight=3.0)
    heads = make_heads()
    if rare:
        heads.biases[0][2] -= 1e3
    extractor, task = adapted(make_extractor()), make_task(settings, heads)
    pixels = torch.from_numpy(IMAGES[:8])
    with torch.no_grad():
        images = to_unit_range(pixels, CPU)
        found = heads(copy.deepcopy(task.network)(images))  # batch norms as in training
        known = heads(extractor(images))
    held = [
        3 * -(before.softmax(dim=1) * after.log_softmax(dim=1)).sum(dim=1).mean()
        for before, after in zip(known, found, strict=True)
    ]
    expected = held[1] + (held[0] if rare else information_loss(found[0]))
    assert float(task.tune_on(pixels)) == pytest.approx(float(expected), rel=1e-3)


def test_values_that_images_lack_are_found() -> None:
    """A head that never answers a value, whatever the image, stands for images without it."""
    heads = make_heads()
    assert find_rare_values(heads, start_features()) == []
    heads.biases[0][2] = -1e3
    heads.biases[1][2] = -1e3
    (rare,) = make_task(heads=heads).rare_values
    assert rare == ("object_color", 2, 0.0)


def test_a_tuning_that_is_stopped_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    class Stopping(TuningTask):
        def take_step(self) -> Tensor:
            loss = super().take_step()
            if self.steps_done == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            return loss

    expected = make_task()
    run_loop(expected, CheckpointFile(tmp_path / "undisturbed.ckpt", SETTINGS, {}))
    stopped = Stopping(adapted(make_extractor()), make_heads(), IMAGES, SETTINGS, DEVICES)
    with pytest.raises(Stopped, match="stopped at step 3 of 6 of the tuning"):
        run_loop(stopped, checkpoint(tmp_path))
    found = make_task()
    shares: list[float] = []
    run_loop(found, checkpoint(tmp_path), shares.append)
    assert shares == [4 / 6, 5 / 6, 1]
    for name, value in expected.network.state_dict().items():
        assert torch.equal(found.network.state_dict()[name], value), name


def test_no_image_is_seen_twice() -> None:
    settings = AdaptSettings(num_tuning_images=10 * len(IMAGES), batch_size=8)
    batches = list(make_task(settings).batches())
    assert {len(batch) for batch in batches} == {8}
    assert sorted(np.concatenate(batches)) == list(range(len(IMAGES)))


@pytest.mark.parametrize("num_images", [8, 48])
def test_weights_that_explode_are_refused_and_not_stored(num_images: int, tmp_path: Path) -> None:
    """With one step, only the weights tell; with more, the loss of the second one does."""
    settings = replace(SETTINGS, num_tuning_images=num_images, learning_rate=1e30)
    for seconds in (0.0, 60.0):
        often = replace(settings, checkpoint_seconds=seconds)
        file = CheckpointFile(tmp_path / "tune.ckpt", often, {})
        with pytest.raises(ValueError, match=r"finite.*Adapt\.learning_rate"):
            run_loop(make_task(settings), file)
        assert not file.path.exists()


@pytest.mark.parametrize(("num_images", "batch_size"), [(7, 8), (1000, len(IMAGES) + 1)])
def test_less_than_a_batch_is_refused(num_images: int, batch_size: int) -> None:
    settings = AdaptSettings(num_tuning_images=num_images, batch_size=batch_size)
    with pytest.raises(ValueError, match=rf"Adapt\.batch_size.*{batch_size}"):
        make_task(settings)
