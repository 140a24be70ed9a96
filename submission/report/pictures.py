"""Images of a data set as PNG files in memory: single ones, and rows of them."""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["draw_picture", "draw_strip"]

Pixels = npt.NDArray[np.uint8]

GAP, SCALE = 4, 2
"""Pixels between two images of a strip, and how much larger they are drawn."""


def draw_picture(pixels: Pixels) -> bytes:
    """Encodes an image (H, W, 3) as it is."""
    return _png(Image.fromarray(np.ascontiguousarray(pixels)))


def draw_strip(pictures: Sequence[Pixels]) -> bytes:
    """Sets images of one size side by side, twice as large.

    Args:
        pictures: each (H, W, 3).
    """
    height, width = (SCALE * side for side in pictures[0].shape[:2])
    strip = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height), "white")
    for place, pixels in enumerate(pictures):
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        strip.paste(
            picture.resize((width, height), Image.Resampling.BICUBIC), (place * (width + GAP), 0)
        )
    return _png(strip)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()
