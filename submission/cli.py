"""The command line `python -m submission`; a subcommand is imported only when it is asked for."""

import importlib
import sys
from collections.abc import Sequence

import click

from submission.console import program

__all__ = ["main", "run_commands"]

COMMANDS = {
    "data": "List, fetch, check, render and show image files.",
    "finetune": "Finetune the feature extractor on labelled images.",
    "train": "Extract features, train the beta-VAE, export the representation.",
    "settings": "List every setting with its default and its meaning.",
    "score": "Score codes of any model from a file.",
    "evaluate": "Score an exported representation with the five metrics.",
    "report": "Make a report to look at from scores.",
    "compare": "Set scored experiments beside each other.",
    "rehearse": "Run the submission as the server would.",
    "preflight": "Check what could make a submission fail.",
    "submit": "Tag this commit and push it for evaluation.",
}


class _Subcommands(click.Group):
    """Knows the subcommands' names and one-line helps without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"submission.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Subcommands, name="submission")
def _submission() -> None:
    """Disentangled representations from finetuned features, ready to submit."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand.

    Args:
        argv: the words after the program's name; those of the process when None.

    Returns:
        0 after success, 1 after a mistake that one line explains, 2 after a wrong usage.
    """
    return run_commands(_submission, "python -m submission", argv)


def run_commands(group: click.Group, name: str, argv: Sequence[str] | None = None) -> int:
    """Runs a subcommand of a group of them.

    Args:
        group: the commands.
        name: what the program is called by.
        argv: the words after the program's name; those of the process when None.

    Returns:
        0 after success, 1 after a mistake that one line explains, 2 after a wrong usage.
    """

    def run() -> None:
        words = list(sys.argv[1:] if argv is None else argv)
        group.main(args=words, prog_name=name, standalone_mode=False)

    try:
        return program(run)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        print("interrupted", file=sys.stderr)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
