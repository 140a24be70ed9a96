"""`python -m submission settings`: every setting, its value and what it means."""

import inspect
import textwrap
from pathlib import Path

import click

from submission.config.configuration import load_configuration

__all__ = ["settings"]


@click.command()
@click.argument("config", type=Path, required=False)
@click.option(
    "--set", "overrides", multiple=True, help="A setting, such as Fit.seed=1; repeat for several."
)
def settings(config: Path | None, overrides: tuple[str, ...]) -> None:
    """List every setting with its value, its meaning and the values that are allowed.

    The values are the defaults, or those of the gin file CONFIG.
    """
    for group in load_configuration(config, overrides).groups:
        click.echo(f"{group.group_name()}: {(inspect.getdoc(group) or '').splitlines()[0]}")
        for each in group.settings():
            changed = "" if each.value == each.default else f"  (default: {each.default!r})"
            click.echo(f"\n  {each.name} = {each.value!r}{changed}")
            text = f"{each.help} Allowed: {each.expected()}."
            indent = 6 * " "
            click.echo(textwrap.fill(text, 96, initial_indent=indent, subsequent_indent=indent))
        click.echo("")
