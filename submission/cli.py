"""The command line `python -m submission`; a subcommand is imported only when it is asked for.

An installed package gives the same command line the name `disentangle`.
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from submission.console import program
from submission.errors import InputError

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

INSTALLED = "disentangle"

EXTRA_OF = {
    "torch": "training",
    "torchvision": "training",
    "lightning_fabric": "training",
    "tensorboard": "training",
    "jinja2": "report",
    "matplotlib": "report",
    "redis": "server",
    "packaging": "server",
}
"""The optional part of the project that installs a package, by the package's module."""


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
    is_installed = Path(sys.argv[0]).name == INSTALLED
    return run_commands(_submission, INSTALLED if is_installed else "python -m submission", argv)


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
        try:
            group.main(args=words, prog_name=name, standalone_mode=False)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package not in EXTRA_OF:
                raise
            raise InputError(
                f"expected the package {package} for this command, got none; install it with: "
                f"pip install 'disentanglement-submission[{EXTRA_OF[package]}]'"
            ) from error

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
