"""Grows a trained VGG trunk into a deeper one that computes nearly the same features.

The VGG paper (Simonyan and Zisserman 2014, section 3.1) starts its deep nets from a trained shallow
one. Here each block begins with the trained convolutions. The convolutions that are missing are
added after them as identities. So training continues where it stopped.
"""

from typing import cast

import torch
from torch import Tensor, nn

from submission.errors import InputError
from submission.models.extractor import FeatureExtractor

__all__ = ["grow"]

Layer = tuple[nn.Conv2d, nn.BatchNorm2d]


def _blocks(trunk: nn.Sequential) -> list[list[Layer]]:
    blocks: list[list[Layer]] = [[]]
    for position, module in enumerate(trunk):
        if isinstance(module, nn.Conv2d):
            blocks[-1].append((module, cast(nn.BatchNorm2d, trunk[position + 1])))
        elif isinstance(module, nn.MaxPool2d):
            blocks.append([])
    return blocks[:-1]


@torch.no_grad()
def grow(shallow: FeatureExtractor, architecture: str, images: Tensor) -> FeatureExtractor:
    """Builds a deeper extractor that computes nearly the same as a trained one.

    A new convolution is the identity. Its batch norm undoes its own normalisation: shift and scale
    are the layer's mean and standard deviation on `images`.

    Args:
        shallow: the trained extractor, moved to the CPU.
        architecture: a trunk with at least as many convolutions in every block.
        images: (B, 3, 64, 64) in [0, 1], some hundred of the training set.

    Returns:
        The deeper extractor, in evaluation mode, on the CPU in float32.

    Raises:
        InputError: if a block of the deeper trunk has fewer convolutions.
    """
    shallow = shallow.cpu().float().eval()
    deep = FeatureExtractor(architecture).eval()
    deep.aggregation.load_state_dict(shallow.aggregation.state_dict())
    activations = shallow.standardise(images)
    for old_block, new_block in zip(_blocks(shallow.trunk), _blocks(deep.trunk), strict=True):
        if len(new_block) < len(old_block):
            raise InputError(
                f"expected a trunk at least as deep as {shallow.architecture}, got {architecture}"
            )
        for position, (convolution, norm) in enumerate(new_block):
            if position < len(old_block):
                convolution.load_state_dict(old_block[position][0].state_dict())
                norm.load_state_dict(old_block[position][1].state_dict())
            else:
                _make_identity(convolution, norm, activations)
            activations = norm(convolution(activations)).relu()
        activations = nn.functional.max_pool2d(activations, 2)
    return deep


def _make_identity(convolution: nn.Conv2d, norm: nn.BatchNorm2d, activations: Tensor) -> None:
    variance, mean = torch.var_mean(activations, dim=(0, 2, 3), correction=0)
    nn.init.dirac_(convolution.weight)
    nn.init.zeros_(cast(Tensor, convolution.bias))
    cast(Tensor, norm.running_mean).copy_(mean)
    cast(Tensor, norm.running_var).copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.copy_(mean)
