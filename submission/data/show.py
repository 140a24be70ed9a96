"""A picture of a data set: what each factor does, one row per factor."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from submission.errors import InputError
from submission.factors import FactorSpace
from submission.files import replacing

__all__ = ["save_contact_sheet"]

RESTING = {
    "object_color": 0.4,
    "object_shape": 0.2,
    "object_size": 1.0,
    "horizontal_axis": 0.3,
    "vertical_axis": 0.15,
}
"""Where a factor rests while another varies, as a share of its range."""

NUM_COLUMNS, SCALE = 10, 2
LABEL_WIDTH, TEXT_HEIGHT, GAP = 150, 16, 4
INK, PAPER = (20, 20, 20), (255, 255, 255)


def save_contact_sheet(images: npt.NDArray[np.uint8], space: FactorSpace, path: Path) -> None:
    """Draws a PNG sheet on which every factor varies in a row of its own.

    The other factors rest at values that show a large object in plain view. At most 10 values of
    a factor are shown, evenly spaced, each picture at twice its size. Only the images on the sheet
    are read, so a memory map will do.

    Args:
        images: (N, H, W, 3) uint8 in the order of the grid.
        space: the grid of N points.
        path: the PNG file, written whole or not at all.

    Raises:
        InputError: if images and grid do not fit.
        OutputError: if the file cannot be written.
    """
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise InputError(
            f"expected uint8 images of shape (N, H, W, 3), got {images.dtype} {images.shape}"
        )
    if len(images) != space.num_points:
        raise InputError(f"expected {space.num_points} images for {space.sizes}, got {len(images)}")
    shares = [RESTING.get(name, 0.5) for name in space.names]
    rest = np.rint(np.multiply(shares, np.array(space.sizes) - 1)).astype(np.int64)
    height, width = images.shape[1] * SCALE, images.shape[2] * SCALE
    row_height = TEXT_HEIGHT + height + GAP
    most = min(NUM_COLUMNS, max(space.sizes))
    sheet = Image.new(
        "RGB", (LABEL_WIDTH + most * (width + GAP), row_height * space.num_factors + GAP), PAPER
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for row, (name, size) in enumerate(zip(space.names, space.sizes, strict=True)):
        top = GAP + row * row_height
        draw.text((GAP, top + TEXT_HEIGHT + height // 2), name, INK, font, anchor="lm")
        for column, value in enumerate(np.linspace(0, size - 1, min(NUM_COLUMNS, size)).round()):
            factors = rest.copy()
            factors[row] = value
            index = int(space.factors_to_index(factors[None])[0])
            picture = Image.fromarray(np.ascontiguousarray(images[index]))
            left = LABEL_WIDTH + column * (width + GAP)
            draw.text((left, top), str(int(value)), INK, font)
            sheet.paste(
                picture.resize((width, height), Image.Resampling.NEAREST), (left, top + TEXT_HEIGHT)
            )
    with replacing(path) as beside:
        sheet.save(beside, format="PNG")
