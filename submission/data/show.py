"""A picture of a data set: what each factor does, one row per factor."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from submission.errors import InputError
from submission.factors import FactorSpace
from submission.files import replacing

__all__ = ["save_contact_sheet"]

# Where a factor rests while another varies, as a share of its range: a large object in plain view.
RESTING = {
    "object_color": 0.4,
    "object_shape": 0.2,
    "object_size": 1.0,
    "horizontal_axis": 0.3,
    "vertical_axis": 0.15,
}
LABEL_WIDTH, TEXT_HEIGHT, GAP = 150, 16, 4
INK, PAPER = (20, 20, 20), (255, 255, 255)


def _resting_values(space: FactorSpace, held: Mapping[str, int]) -> npt.NDArray[np.int64]:
    for name, value in held.items():
        if name not in space.names:
            raise InputError(f"expected a factor among {', '.join(space.names)}, got {name!r}")
        size = space.sizes[space.names.index(name)]
        if not 0 <= value < size:
            raise InputError(f"expected a value of {name} from 0 to {size - 1}, got {value}")
    shares = [RESTING.get(name, 0.5) for name in space.names]
    values = [round(share * (size - 1)) for share, size in zip(shares, space.sizes, strict=True)]
    named = zip(space.names, values, strict=True)
    return np.array([held.get(name, value) for name, value in named], dtype=np.int64)


def save_contact_sheet(
    images: npt.NDArray[np.uint8],
    space: FactorSpace,
    path: Path,
    *,
    held: Mapping[str, int] | None = None,
    num_columns: int = 10,
    scale: int = 2,
) -> None:
    """Draws a PNG sheet on which every factor varies in a row of its own, the others at rest.

    Only the images on the sheet are read, so a memory map will do.

    Args:
        images: (N, H, W, 3) uint8 in the order of the grid.
        space: the grid of N points.
        path: the PNG file, written whole or not at all.
        held: value at rest by factor name; a visible one is chosen for the factors left out.
        num_columns: greatest number of pictures in a row; larger factors are sampled evenly.
        scale: whole number by which each picture is enlarged, without smoothing.

    Raises:
        ValueError: if images and grid do not fit, or a held value, column count or scale cannot be.
        OSError: if the file cannot be written.
    """
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise InputError(
            f"expected uint8 images of shape (N, H, W, 3), got {images.dtype} {images.shape}"
        )
    if len(images) != space.num_points:
        raise InputError(f"expected {space.num_points} images for {space.sizes}, got {len(images)}")
    if num_columns < 1 or scale < 1:
        raise InputError(
            f"expected at least 1 column and a scale of at least 1, got {num_columns} and {scale}"
        )
    rest = _resting_values(space, held or {})
    height, width = images.shape[1] * scale, images.shape[2] * scale
    row_height = TEXT_HEIGHT + height + GAP
    most = min(num_columns, max(space.sizes))
    sheet = Image.new(
        "RGB", (LABEL_WIDTH + most * (width + GAP), row_height * space.num_factors + GAP), PAPER
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for row, (name, size) in enumerate(zip(space.names, space.sizes, strict=True)):
        top = GAP + row * row_height
        draw.text((GAP, top + TEXT_HEIGHT + height // 2), name, INK, font, anchor="lm")
        for column, value in enumerate(np.linspace(0, size - 1, min(num_columns, size)).round()):
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
