"""`python -m submission settings`: every setting, its value and what it means."""

import inspect
import re
import textwrap
from dataclasses import fields
from pathlib import Path

import click

from submission.config.configuration import SETTINGS, load_configuration

__all__ = ["meanings", "settings"]


def meanings(documented: type) -> dict[str, str]:
    """Reads what a class's docstring says about each attribute, a paragraph by name."""
    section = (inspect.getdoc(documented) or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


@click.command()
@click.argument("config", type=Path, required=False)
@click.option("--set", "overrides", multiple=True, help="A setting, such as Fit.seed=1.")
def settings(config: Path | None, overrides: tuple[str, ...]) -> None:
    """List every setting with its value and its meaning.

    The values are the defaults, or those of the gin file CONFIG.
    """
    load_configuration(config, overrides)
    for name, group in SETTINGS.items():
        values, texts = group(), meanings(group)
        click.echo(f"{name}: {(inspect.getdoc(group) or '').splitlines()[0]}")
        for field in fields(group):
            value = getattr(values, field.name)
            changed = "" if value == field.default else f"  (default: {field.default!r})"
            click.echo(f"\n  {name}.{field.name} = {value!r}{changed}")
            click.echo(
                textwrap.fill(
                    texts[field.name], 96, initial_indent=6 * " ", subsequent_indent=6 * " "
                )
            )
        click.echo("")
