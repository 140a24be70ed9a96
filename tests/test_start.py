import dataclasses
from pathlib import Path

import pytest
import torch

from submission.config.settings import FinetuneSettings
from submission.factors import FactorSpace
from submission.models.extractor import FactorHeads, FeatureExtractor
from submission.models.weights import save_extractor
from submission.training.finetune.start import starting_heads

SPACE = FactorSpace(("object_color", "vertical_axis"), (3, 5))
RANDOM = FinetuneSettings(architecture="vgg11_bn", start="", head_scale=4.0)


@pytest.fixture
def earlier(tmp_path: Path) -> tuple[FactorHeads, FinetuneSettings]:
    torch.manual_seed(1)
    heads, path = FactorHeads(SPACE.sizes, 16.0), tmp_path / "extractor.safetensors"
    save_extractor(FeatureExtractor("vgg11_bn"), path, {}, heads.keep(SPACE.names))
    return heads, dataclasses.replace(RANDOM, start=str(path))


def test_heads_go_on_from_an_earlier_extractor_whatever_their_scale(
    earlier: tuple[FactorHeads, FinetuneSettings],
) -> None:
    heads, settings = earlier
    features = torch.rand(2, 512)
    for logits, expected in zip(
        starting_heads(settings, SPACE)(features), heads(features), strict=True
    ):
        torch.testing.assert_close(logits, expected, rtol=0, atol=2e-2)  # kept in float16


@pytest.mark.parametrize(
    "space",
    [
        FactorSpace(SPACE.names, (3, 6)),
        FactorSpace(("object_color", "horizontal_axis"), SPACE.sizes),
    ],
)
def test_heads_of_other_factors_start_at_random(
    earlier: tuple[FactorHeads, FinetuneSettings], space: FactorSpace
) -> None:
    random = starting_heads(RANDOM, space).state_dict()
    for name, value in starting_heads(earlier[1], space).state_dict().items():
        assert torch.equal(value, random[name])


def test_an_extractor_without_heads_leaves_them_random(tmp_path: Path) -> None:
    path = tmp_path / "extractor.safetensors"
    save_extractor(FeatureExtractor("vgg11_bn"), path, {})
    settings = dataclasses.replace(RANDOM, start=str(path))
    assert starting_heads(settings, SPACE).scale == RANDOM.head_scale
