"""The report's page: one HTML file that loads nothing from outside."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

__all__ = ["POLICY", "render_page"]

TEMPLATE = "report.html.j2"

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
"""What a browser may load for the page: pictures and styles that are in it."""


def render_page(content: Mapping[str, Any]) -> str:
    """Fills the template in; text is escaped, and a missing name is an error.

    Args:
        content: the template's variables, those that `write_page` gathers.

    Returns:
        the HTML file's text.
    """
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(score=_score, percent=_percent, grouped=_grouped, share=_share)
    return templates.get_template(TEMPLATE).render(content, policy=POLICY)


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _grouped(value: int) -> str:
    return f"{value:,}"


def _share(value: float, whole: float) -> str:
    """Gives a length in CSS, from 0 % to 100 %."""
    return f"{100 * min(max(value / whole, 0), 1):.1f}%"
