"""The report in a real browser: it renders, fits the window and loads nothing from outside."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from submission.report import write_report
from tests.chromium import Browser, chromium
from tests.report_experiment import plant

DECODED = """Promise.all([...document.images].map(image =>
    image.decode().then(() => image.naturalWidth > 0 && image.clientWidth > 0)))"""
SMALLEST_TEXT = """Math.min(...[...document.querySelectorAll('main *')]
    .filter(it => [...it.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .map(it => parseFloat(getComputedStyle(it).fontSize)))"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    planted = plant(tmp_path_factory.mktemp("planted"))
    return write_report(planted.environment, planted.report)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_renders_and_loads_nothing_from_outside(
    browser: Browser, page: Path, width: int, dark: bool
) -> None:
    browser.open(page, width, dark=dark)
    decoded = browser.evaluate(DECODED)
    assert len(decoded) > 50
    assert all(decoded)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(SMALLEST_TEXT) >= 10
    outside = [url for url in browser.requests() if not url.startswith("data:")]
    assert outside == [page.as_uri()]
    assert browser.complaints() == []

    picture = Image.open(io.BytesIO(browser.screenshot())).convert("L")
    shades = picture.getcolors(256)
    assert shades is not None
    assert len(shades) > 50
    background = np.median(np.asarray(picture))
    assert background < 60 if dark else background > 200


def test_the_browser_would_notice_a_request(browser: Browser, tmp_path: Path) -> None:
    """So that the test above is able to fail."""
    path = tmp_path / "leaky.html"
    path.write_text('<img src="http://127.0.0.1:9/x.png">', encoding="utf-8")
    browser.open(path, 1280)
    assert "http://127.0.0.1:9/x.png" in browser.requests()
