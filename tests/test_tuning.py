import copy
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from submission.config.settings import AdaptSettings
from submission.models.extractor import Extractor, FactorHeads, Heads
from submission.models.head_codes import HeadCodes
from submission.training.adapt.norms import reestimate_norms
from submission.training.adapt.tuning import Tuning
from submission.training.batches import to_unit_range
from submission.training.losses import information_loss
from tests.image_sets import rendered_set
from tests.test_extractor import make_extractor

CPU = torch.device("cpu")
IMAGES = rendered_set("standin_real").images
SETTINGS = AdaptSettings(num_tuning_images=48, batch_size=8, learning_rate=1e-3, augmentation=0.5)


def make_heads() -> Heads:
    torch.manual_seed(1)
    return FactorHeads((4, 5), 16.0).keep(["object_color", "vertical_axis"])


def make_tuning(settings: AdaptSettings = SETTINGS) -> tuple[Extractor, Tuning]:
    extractor = adapted(make_extractor().eval()).requires_grad_(requires_grad=False)
    return extractor, Tuning(extractor, make_heads(), IMAGES, settings, CPU)


def adapted(extractor: Extractor) -> Extractor:
    return reestimate_norms(extractor, IMAGES, len(IMAGES), len(IMAGES), 0, CPU)


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
    extractor = adapted(make_extractor().eval())
    pixels = to_unit_range(torch.from_numpy(IMAGES), CPU)

    def color() -> Tensor:
        with torch.no_grad():
            logits: Tensor = HeadCodes(make_heads()).logits(adapted(extractor)(pixels))[0]
        return logits

    before = color()
    Tuning(extractor, make_heads(), images, settings, CPU).run(tmp_path / "tune.ckpt", "test")
    after = color()
    assert not extractor.training
    assert not any(value.requires_grad for value in extractor.parameters())
    assert information_loss(after) < information_loss(before) - 0.1
    assert entropy(after.softmax(1).mean(dim=0)) > entropy(before.softmax(1).mean(dim=0)) - 0.1


def test_answers_about_axes_are_held_at_those_of_the_extractor_as_it_was() -> None:
    settings = replace(SETTINGS, augmentation=0.0, axis_weight=3.0)
    extractor, tuning = make_tuning(settings)
    pixels = torch.from_numpy(IMAGES[:8])
    known = HeadCodes(make_heads())
    with torch.no_grad():
        images = to_unit_range(pixels, CPU)
        color, axis = known.logits(copy.deepcopy(extractor)(images))  # batch norms as in training
        _, before = known.logits(copy.deepcopy(extractor).eval()(images))
    held = -(before.softmax(dim=1) * axis.log_softmax(dim=1)).sum(dim=1).mean()
    expected = information_loss(color) + 3 * held
    assert tuning.take_step(pixels) == pytest.approx(float(expected), rel=1e-3)


def test_a_tuning_that_is_stopped_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    def run(folder: Path, advance: Callable[[int], object]) -> dict[str, Tensor]:
        extractor, tuning = make_tuning()
        folder.mkdir(exist_ok=True)
        tuning.run(folder / "tune.ckpt", "test", advance)
        return extractor.state_dict()

    def stop(num_images: int) -> None:
        seen.append(num_images)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    seen: list[int] = []
    expected = run(tmp_path / "undisturbed", lambda num_images: None)
    with pytest.raises(InterruptedError, match="stopped at step 3 of 6 of the tuning"):
        run(tmp_path / "stopped", stop)
    rest: list[int] = []
    found = run(tmp_path / "stopped", rest.append)
    assert rest == [24, 8, 8, 8]
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_no_image_is_seen_twice() -> None:
    _, tuning = make_tuning(AdaptSettings(num_tuning_images=10 * len(IMAGES), batch_size=8))
    batches = list(tuning.batches())
    assert {len(batch) for batch in batches} == {8}
    assert sorted(np.concatenate(batches)) == list(range(len(IMAGES)))


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    make_tuning()[1].run(tmp_path / "tune.ckpt", "test")
    with pytest.raises(ValueError, match="to be of this run"):
        make_tuning()[1].run(tmp_path / "tune.ckpt", "another")


def test_weights_that_explode_are_refused(tmp_path: Path) -> None:
    _, tuning = make_tuning(AdaptSettings(num_tuning_images=48, batch_size=8, learning_rate=1e30))
    with pytest.raises(ValueError, match=r"expected a finite loss while tuning.*lower Adapt"):
        tuning.run(tmp_path / "tune.ckpt", "test")


@pytest.mark.parametrize(("num_images", "batch_size"), [(7, 8), (1000, len(IMAGES) + 1)])
def test_less_than_a_batch_is_refused(num_images: int, batch_size: int) -> None:
    with pytest.raises(ValueError, match=f"expected at least one batch of {batch_size} images"):
        make_tuning(AdaptSettings(num_tuning_images=num_images, batch_size=batch_size))


def test_values_that_images_lack_are_told() -> None:
    """A head that never answers a value, whatever the image, stands for images without it."""
    heads = make_heads()
    heads.biases[0][2] = -1e3
    heads.biases[1][2] = -1e3
    extractor = adapted(make_extractor().eval())
    (rare,) = Tuning(extractor, heads, IMAGES, SETTINGS, CPU).rare_values()
    assert rare == ("object_color", 2, 0.0)
