"""The report's page: one HTML file that loads nothing from outside."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from submission.report.numbers import grouped, percent, score, share, signed

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
    templates.filters.update(
        score=score, signed=signed, percent=percent, grouped=grouped, share=share
    )
    return templates.get_template(TEMPLATE).render(content, policy=POLICY)
