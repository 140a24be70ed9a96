"""A picture of images, renders of the same factor values, and what is different."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["draw_sheet"]

Images = npt.NDArray[np.uint8]

PER_ROW = 12
BRIGHTER, STRONGER = 1.5, 3.0
ENLARGED = 2


def draw_sheet(images: Images, renders: Images) -> bytes:
    """Draws rows of images, below them the renders, below these the differences.

    Images and renders are brightened by a half; differences are tripled around grey.

    Args:
        images: (n, 64, 64, 3).
        renders: (n, 64, 64, 3).

    Returns:
        A PNG file.
    """
    difference = 128 + STRONGER * (images.astype(float) - renders)
    kinds = BRIGHTER * images.astype(float), BRIGHTER * renders.astype(float), difference
    bands = []
    for start in range(0, len(images), PER_ROW):
        for kind in kinds:
            row = np.zeros((PER_ROW, *images.shape[1:]))
            part = kind[start : start + PER_ROW]
            row[: len(part)] = part
            bands.append(row.transpose(1, 0, 2, 3).reshape(images.shape[1], -1, 3))
    sheet = Image.fromarray(np.clip(np.concatenate(bands), 0, 255).astype(np.uint8))
    size = sheet.width * ENLARGED, sheet.height * ENLARGED
    file = io.BytesIO()
    sheet.resize(size, Image.Resampling.NEAREST).save(file, format="PNG")
    return file.getvalue()
