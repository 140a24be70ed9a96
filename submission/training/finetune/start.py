"""Where finetuning starts: at random, from ImageNet weights, or from an earlier extractor."""

import numpy as np
import torch

from submission.config.settings import FinetuneSettings
from submission.console import say
from submission.factors import FactorSpace
from submission.models.extractor import FeatureExtractor
from submission.models.growth import grow
from submission.models.heads import Heads
from submission.models.imagenet import imagenet_file, load_imagenet_trunk
from submission.models.weights import load_weights
from submission.server.environment import user_path
from submission.training.batches import LabelledImages, to_unit_range
from submission.training.seeds import seed_for

__all__ = ["starting_extractor", "starting_heads"]

NUM_GROWTH_IMAGES = 256


def starting_extractor(
    settings: FinetuneSettings, images: LabelledImages
) -> tuple[FeatureExtractor, Heads]:
    """Builds the extractor and heads that finetuning begins with and says where they come from.

    Args:
        settings: trunk, start and seed.
        images: training images; some are looked at when a shallower trunk is grown.

    Raises:
        MissingFileError: if the starting weights do not exist.
        InputError: if they are not what they should be.
    """
    earlier_heads = None
    torch.manual_seed(seed_for(settings.seed, "finetune: weights of the extractor"))
    if settings.start.endswith(".safetensors"):
        earlier, earlier_heads, _ = load_weights(user_path(settings.start))
        earlier.requires_grad_()
        if earlier.architecture == settings.architecture:
            say(f"the extractor starts from {settings.start}")
            extractor = earlier
        else:
            random = np.random.default_rng(seed_for(settings.seed, "finetune: growth"))
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
                str(user_path(settings.start)),
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
    return extractor, starting_heads(settings, images.space, earlier_heads)


def starting_heads(settings: FinetuneSettings, space: FactorSpace, earlier: Heads | None) -> Heads:
    """Builds the heads that finetuning begins with: earlier ones, or heads with random weights.

    Args:
        settings: scale and seed.
        space: the factors to classify.
        earlier: heads to start from; heads of other factors or sizes are not used.

    Example:
        >>> space = FactorSpace(("shape", "color"), (3, 6))
        >>> heads = starting_heads(FinetuneSettings(), space, earlier=None)
        >>> [tuple(weight.shape) for weight in heads.weights]
        [(3, 512), (6, 512)]
    """
    torch.manual_seed(seed_for(settings.seed, "finetune: weights of the heads"))
    heads = Heads(space.names, space.sizes, settings.head_scale)
    if earlier is not None and (earlier.names, earlier.sizes) == (space.names, space.sizes):
        heads.load(earlier)
        say(f"the heads start from {settings.start}")
    return heads
