"""VGG11 with few channels, for tests whose law is not about the trunk: 25 times less to compute."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from torchvision.models import vgg

__all__ = ["narrowed", "vgg11_channels"]

NARROW = (8, "M", 16, "M", 32, 32, "M", 32, 32, "M", 32, 512, "M")


def vgg11_channels() -> tuple[int | str, ...]:
    """Gives the channels of the convolutions of VGG11, M for a pooling."""
    return tuple(vgg.cfgs["A"])


@contextmanager
def narrowed(channels: tuple[int | str, ...] = NARROW) -> Iterator[None]:
    """Builds every `vgg11_bn` with these channels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vgg.cfgs, "A", list(channels))
        yield
