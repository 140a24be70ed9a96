"""Where finetuning starts: at random, from ImageNet weights, or from an earlier extractor."""

from pathlib import Path

import numpy as np
import torch

from submission.config.settings import FinetuneSettings
from submission.console import say
from submission.factors import FactorSpace
from submission.models.extractor import FactorHeads, FeatureExtractor
from submission.models.growth import grow
from submission.models.imagenet import imagenet_file, load_imagenet_trunk
from submission.models.weights import has_heads, load_extractor, load_heads
from submission.training.batches import LabelledImages, to_unit_range

__all__ = ["starting_extractor", "starting_heads"]

NUM_GROWTH_IMAGES = 256


def starting_extractor(settings: FinetuneSettings, images: LabelledImages) -> FeatureExtractor:
    """Builds the extractor that finetuning begins with and says where its weights come from.

    Args:
        settings: trunk, start and seed.
        images: training images; some are looked at when a shallower trunk is grown.

    Raises:
        FileNotFoundError: if the starting weights do not exist.
        ValueError: if they are not what they should be.
    """
    torch.manual_seed(settings.seed)
    if settings.start.endswith(".safetensors"):
        earlier = load_extractor(Path(settings.start)).requires_grad_()
        if earlier.architecture == settings.architecture:
            say(f"the extractor starts from {settings.start}")
            extractor = earlier
        else:
            random = np.random.default_rng(settings.seed)
            chosen = random.choice(len(images), min(NUM_GROWTH_IMAGES, len(images)), replace=False)
            pixels, _ = images.take(np.sort(chosen))
            extractor = grow(
                earlier, settings.architecture, to_unit_range(pixels, torch.device("cpu"))
            )
            say(f"{settings.architecture} is grown from {earlier.architecture} ({settings.start})")
    else:
        extractor = FeatureExtractor(settings.architecture)
        if settings.start:
            path, _ = imagenet_file(
                settings.architecture,
                settings.start,
                "start at random with --set \"Finetune.start=''\"",
                setting="Finetune.start",
            )
            load_imagenet_trunk(extractor.trunk, path)
            say(f"the trunk starts from ImageNet weights ({path})")
        else:
            say("the trunk starts at random, without ImageNet weights")
    for module in extractor.aggregation.modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.p = settings.dropout
    return extractor


def starting_heads(settings: FinetuneSettings, space: FactorSpace) -> FactorHeads:
    """Builds the classifiers that finetuning begins with: an earlier extractor's, or at random.

    Args:
        settings: start, scale and seed.
        space: the factors to classify; earlier classifiers of other factors are left.

    Raises:
        FileNotFoundError: if the starting weights do not exist.
        ValueError: if they are not what they should be.
    """
    torch.manual_seed(settings.seed)
    heads = FactorHeads(space.sizes, settings.head_scale)
    if settings.start.endswith(".safetensors") and has_heads(Path(settings.start)):
        earlier = load_heads(Path(settings.start))
        sizes = tuple(len(weight) for weight in earlier.weights)
        if (earlier.names, sizes) == (tuple(space.names), tuple(space.sizes)):
            heads.take_up(earlier)
            say(f"the heads start from {settings.start}")
    return heads
