"""Convolutions on a CPU in float32: ours against plain. `python -m benchmarks.convolutions`."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.options import prepared
from benchmarks.pairs import compare
from submission.models.convolutions import FastConvolutions

LAYERS = ((32, 128), (16, 256), (8, 512), (4, 512))
"""Height and width of the maps, and number of channels, as in VGG19's blocks 2 to 5."""


def passes(layer: nn.Conv2d, maps: Tensor) -> dict[str, Callable[[], None]]:
    """Makes what is timed."""
    slopes = torch.randn_like(maps)

    def forward() -> None:
        with torch.no_grad():
            layer(maps)

    def both() -> None:
        layer(maps).backward(slopes)

    return {"forward": forward, "forward and backward": both}


def faster(call: Callable[[], None]) -> Callable[[], None]:
    """Runs a call in the context that chooses the way."""

    def run() -> None:
        with FastConvolutions():
            call()

    return run


def main() -> None:
    """Times each layer's passes both ways."""
    arguments = prepared(__doc__, batch_size=64, runs=5)
    num_images = arguments.batch_size
    for size, channels in LAYERS:
        layer = nn.Conv2d(channels, channels, 3, padding=1).to(memory_format=torch.channels_last)
        maps = torch.randn(num_images, channels, size, size)
        maps = maps.to(memory_format=torch.channels_last).requires_grad_()
        for name, call in passes(layer, maps).items():
            compare(
                f"{size}x{size} maps of {channels} channels, {name}, "
                f"{torch.get_num_threads()} threads",
                ("ours: the way that is chosen", faster(call)),
                ("rival: conv2d", call),
                num_images,
                "images",
                arguments.runs,
            )


if __name__ == "__main__":
    main()
