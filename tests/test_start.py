from pathlib import Path

import numpy as np
import pytest
import torch

from submission.config.settings import FinetuneSettings
from submission.data.image_set import ImageSet
from submission.factors import FactorSpace
from submission.models.extractor import FeatureExtractor
from submission.models.frozen import load_extractor
from submission.models.heads import Heads
from submission.models.weights import load_weights, save_extractor
from submission.training.batches import LabelledImages
from submission.training.finetune.start import starting_extractor, starting_heads

SPACE = FactorSpace(("object_color", "vertical_axis"), (3, 5))
RANDOM = FinetuneSettings(architecture="vgg11_bn", start="", head_scale=4.0)


@pytest.fixture
def earlier(tmp_path: Path) -> tuple[Heads, Heads | None]:
    """Makes heads of another scale, and saves and loads them."""
    torch.manual_seed(1)
    heads, path = Heads(SPACE.names, SPACE.sizes, 16.0), tmp_path / "extractor.safetensors"
    save_extractor(FeatureExtractor("vgg11_bn"), path, {}, heads)
    return heads, load_weights(path).heads


def test_heads_go_on_from_an_earlier_extractor_whatever_their_scale(
    earlier: tuple[Heads, Heads | None],
) -> None:
    heads, loaded = earlier
    features = torch.rand(2, 512)
    started = starting_heads(RANDOM, SPACE, loaded)
    assert started.scale == RANDOM.head_scale
    for logits, expected in zip(started(features), heads(features), strict=True):
        torch.testing.assert_close(logits, expected, rtol=0, atol=2e-2)  # kept in float16
    assert all(parameter.requires_grad for parameter in started.parameters())


def test_weights_may_lie_in_a_home_folder(
    earlier: tuple[Heads, Heads | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    start = "~/extractor.safetensors"
    settings = FinetuneSettings(architecture="vgg11_bn", start=start)
    images = np.zeros((15, 64, 64, 3), np.uint8)
    sets = [ImageSet("toy", Path(), images, SPACE)]
    _, heads = starting_extractor(settings, LabelledImages(sets))
    features = torch.rand(2, 512)
    torch.testing.assert_close(heads(features), earlier[0](features), rtol=0, atol=2e-2)
    assert load_extractor("finetuned", start, Path("elsewhere")).path.parent == tmp_path


@pytest.mark.parametrize(
    "space",
    [
        FactorSpace(SPACE.names, (3, 6)),
        FactorSpace(("object_color", "horizontal_axis"), SPACE.sizes),
    ],
)
def test_heads_of_other_factors_start_at_random(
    earlier: tuple[Heads, Heads | None], space: FactorSpace
) -> None:
    random = starting_heads(RANDOM, space, None).state_dict()
    for name, value in starting_heads(RANDOM, space, earlier[1]).state_dict().items():
        assert torch.equal(value, random[name])
