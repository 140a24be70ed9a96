import io
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from submission.report.figures import (
    draw_confusion,
    draw_curve,
    draw_dependence,
    draw_heat_map,
    draw_histogram,
    outline_largest,
)
from submission.report.illustrations import dependence_picture, heat_maps
from submission.report.matrices import Matrix
from submission.report.pictures import draw_picture, draw_strip
from submission.report.violins import draw_violins

RNG = np.random.default_rng(0)
MATRIX = RNG.random((5, 3))
VALUES = RNG.normal(size=1000)
FACTORS = RNG.integers(3, size=(500, 1))
DRAWINGS: dict[str, Callable[[], bytes]] = {
    "heat map": lambda: draw_heat_map(MATRIX, list("vwxyz"), list("abc"), "matrix"),
    "dependence": lambda: draw_dependence(MATRIX[:3] / 2, list("xyz"), "latents"),
    "confusion": lambda: draw_confusion(np.array([[9, 1], [2, 8]])),
    "violins": lambda: draw_violins(VALUES.reshape(500, 2), FACTORS, {1: 0, 0: -1}, ["a"]),
    "histogram": lambda: draw_histogram(VALUES, np.array([0.0]), "z0"),
    "histogram of a latent that is seldom used": lambda: draw_histogram(
        np.where(np.arange(1000) < 1, 10.0, 0.0), np.array([0.0]), "z0"
    ),
    "curve": lambda: draw_curve([0, 1, 2], [3.0, 2.0, 1.5], "loss", "epoch"),
}


def opened(png: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(png))
    picture.load()
    return picture


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_a_drawing_is_the_same_every_time_and_says_no_date(drawing: str) -> None:
    png = DRAWINGS[drawing]()
    assert DRAWINGS[drawing]() == png
    picture = opened(png)
    assert picture.format == "PNG"
    assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 10
    assert set(picture.info) <= {"dpi"}


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_drawing_neither_sees_nor_changes_the_users_settings(drawing: str) -> None:
    png = DRAWINGS[drawing]()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        before = dict(mpl.rcParams)
        assert DRAWINGS[drawing]() == png
        assert dict(mpl.rcParams) == before


def test_a_caption_names_two_latents_even_if_no_pair_shares_anything() -> None:
    picture = dependence_picture(np.eye(4), [2, 0, 3])
    assert "Largest: z2 and z0, 0.00." in picture.note
    shared = np.eye(4)
    shared[0, 3] = shared[3, 0] = 0.25
    assert "Largest: z0 and z3, 0.25." in dependence_picture(shared, [2, 0, 3]).note


def test_a_darker_cell_is_a_larger_number() -> None:
    """The middle of each cell's left part, clear of number and outline, by luminance."""
    values = np.linspace(0, 1, 9)[:, None]
    grey = np.asarray(opened(draw_heat_map(values, [""] * 9, [""], "")).convert("L"))
    column = grey[:, int(grey.shape[1] * 0.2)]
    shades = [int(shade) for shade in column if shade < 250]
    assert len(shades) > 100
    assert (np.diff(shades) <= 0).mean() > 0.97
    assert np.median(shades[:20]) > 200
    assert np.median(shades[-20:]) < 80


def test_pictures_keep_their_pixels() -> None:
    pixels = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert (np.asarray(opened(draw_picture(pixels))) == pixels).all()
    assert opened(draw_strip([pixels] * 3)).size == (3 * 128 + 2 * 4, 128)


def test_a_number_that_rounds_to_zero_has_no_sign() -> None:
    nothing, below = np.zeros((2, 2)), np.full((2, 2), -0.001)
    labels = ["a", "b"]
    assert draw_heat_map(below, labels, labels, "") == draw_heat_map(nothing, labels, labels, "")
    (picture,) = heat_maps([Matrix("irs", "", "", below)], [0, 1], labels, labels)
    assert "0.00" in picture.note
    assert "-0.00" not in picture.note + picture.words


def test_a_column_without_a_largest_entry_has_no_outline() -> None:
    values = np.array([[0.2, 0.5, 0.0], [0.9, 0.5, 0.0]])
    labels = ["z0", "z1"]
    figure = Figure()
    axes = figure.add_subplot()
    outline_largest(axes, values)
    places = [patch.get_xy() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert places == [(-0.5, 0.5)]
    (picture,) = heat_maps([Matrix("mig", "", "", values)], [0, 1], labels, ["a", "b", "c"])
    assert picture.words.endswith("Largest in each column: a z1 (0.90), b none, c none.")
