"""The sheet that shows what each factor does."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from submission.data import show
from submission.data.show import GAP, LABEL_WIDTH, TEXT_HEIGHT, save_contact_sheet
from submission.factors import FactorSpace

SPACE = FactorSpace(names=("color", "object_size", "turn"), sizes=(3, 2, 25))


def numbered_images(space: FactorSpace) -> npt.NDArray[np.uint8]:
    """Paints every image (5 high, 7 wide) in one colour that tells its number."""
    numbers = np.arange(space.num_points)
    colors = np.stack([numbers, 255 - numbers, 0 * numbers], axis=1).astype(np.uint8)
    return np.broadcast_to(colors[:, None, None], (space.num_points, 5, 7, 3))


def numbers_on(path: Path, rows: int, columns: int, scale: int) -> list[list[int | None]]:
    """Reads the numbers back, None where the sheet is blank."""
    sheet = np.asarray(Image.open(path).convert("RGB")).astype(int)
    found: list[list[int | None]] = []
    for row in range(rows):
        top = GAP + row * (TEXT_HEIGHT + 5 * scale + GAP) + TEXT_HEIGHT
        line: list[int | None] = []
        for column in range(columns):
            left = LABEL_WIDTH + column * (7 * scale + GAP)
            picture = sheet[top : top + 5 * scale, left : left + 7 * scale]
            assert picture.shape == (5 * scale, 7 * scale, 3)
            assert (picture == picture[0, 0]).all()
            line.append(int(picture[0, 0, 0]) if picture[0, 0, 2] == 0 else None)
        found.append(line)
    return found


def test_each_row_varies_its_factor_and_holds_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sheet.png"
    monkeypatch.setattr(show, "NUM_COLUMNS", 4)
    monkeypatch.setattr(show, "SCALE", 3)
    save_contact_sheet(numbered_images(SPACE), SPACE, path)
    assert numbers_on(path, 3, 4, 3) == [
        [37, 87, 137, None],
        [62, 87, None, None],
        [75, 83, 91, 99],
    ]


def test_a_row_ends_at_both_ends_of_its_factor_by_default(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    save_contact_sheet(numbered_images(SPACE), SPACE, path)
    color, size, turn = numbers_on(path, 3, 10, 2)
    assert [n for n in color if n is not None] == [37, 87, 137]
    assert [n for n in size if n is not None] == [62, 87]
    assert (turn[0], turn[-1]) == (75, 99)


def test_pictures_are_enlarged_without_smoothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "SCALE", 3)
    space = FactorSpace(names=("only",), sizes=(1,))
    image = np.random.default_rng(0).integers(256, size=(1, 4, 6, 3), dtype=np.uint8)
    save_contact_sheet(image, space, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    picture = sheet[GAP + TEXT_HEIGHT :, LABEL_WIDTH:][:12, :18]
    np.testing.assert_array_equal(picture, image[0].repeat(3, axis=0).repeat(3, axis=1))
    assert (sheet[:, :LABEL_WIDTH] < 128).any()  # the factor's name


def test_bytes_are_the_same_on_every_run(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save_contact_sheet(numbered_images(SPACE), SPACE, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_mistakes_are_named(tmp_path: Path) -> None:
    images, path = numbered_images(SPACE), tmp_path / "sheet.png"
    with pytest.raises(ValueError, match="expected 150 images"):
        save_contact_sheet(images[1:], SPACE, path)
    with pytest.raises(ValueError, match="expected uint8 images"):
        save_contact_sheet(images[..., :1], SPACE, path)
    assert list(tmp_path.iterdir()) == []
