"""Extractors of random weights."""

import copy
import functools

import torch

from submission.models.extractor import (
    FeatureExtractor,
)
from tests.narrow import vgg11_channels


def make_extractor(architecture: str = "vgg11_bn", seed: int = 0) -> FeatureExtractor:
    """Gives a new copy of an extractor whose batch norms have seen some images; seeds PyTorch."""
    extractor = copy.deepcopy(_extractor(architecture, seed, vgg11_channels()))
    torch.manual_seed(seed)
    return extractor


@functools.cache
def _extractor(architecture: str, seed: int, _channels: tuple[int | str, ...]) -> FeatureExtractor:
    torch.manual_seed(seed)
    extractor = FeatureExtractor(architecture)
    with torch.no_grad():
        for _ in range(3):
            extractor(torch.rand(16, 3, 64, 64))
    return extractor.eval()
