import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from submission.models.extractor import FeatureExtractor
from submission.training.finetune.frozen_blocks import FrozenBatchNorm, freeze_blocks
from tests.test_finetune import SETTINGS, run, weights_of

pytestmark = pytest.mark.usefixtures("narrow_trunk")


def test_frozen_blocks_stay_and_the_others_are_trained(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, frozen_blocks=2, num_epochs=1)
    torch.manual_seed(0)
    start = FeatureExtractor(settings.architecture).state_dict()
    ended = weights_of(run(tmp_path, settings))
    still = {name for name, value in start.items() if torch.equal(value, ended[name])}
    # of vgg11_bn convolution and batch norm 0, 1 are the first block, 4, 5 the second
    first = tuple(f"trunk.{number}." for number in (0, 1, 4, 5))
    assert still == {name for name in start if name.startswith(("standardise.", *first))}


@pytest.mark.parametrize(("num_blocks", "num_frozen"), [(0, 0), (1, 2), (2, 4), (5, 16)])
def test_whole_blocks_are_frozen(num_blocks: int, num_frozen: int) -> None:
    extractor = FeatureExtractor("vgg19_bn")
    freeze_blocks(extractor.trunk, num_blocks)
    convolutions = [layer for layer in extractor.trunk if isinstance(layer, nn.Conv2d)]
    frozen = [not layer.weight.requires_grad for layer in convolutions]
    assert frozen == [True] * num_frozen + [False] * (16 - num_frozen)
    assert all(value.requires_grad for value in extractor.aggregation.parameters())


def test_frozen_norms_ignore_the_batch_also_where_processes_share_it() -> None:
    trunk = FeatureExtractor("vgg11_bn").trunk
    nn.SyncBatchNorm.convert_sync_batchnorm(trunk)  # type: ignore[no-untyped-call]
    freeze_blocks(trunk, 2)
    frozen = [number for number, layer in enumerate(trunk) if isinstance(layer, FrozenBatchNorm)]
    assert frozen == [1, 5]
    assert not any(type(layer) is nn.BatchNorm2d for layer in trunk)
