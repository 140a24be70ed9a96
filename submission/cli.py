"""The command line `python -m submission`, and how a program ends.

A subcommand is imported only when it is called, so that help and mistakes show at once. An
installed package gives the same command line the name `disentangle`.
"""

import importlib
import platform
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from submission.console import prepare_streams
from submission.errors import InputError, Stopped, UserError
from submission.server.environment import is_debugging, let_threads_sleep, user_path
from submission.server.termination import ending_on_sigterm

__all__ = ["CommandGroup", "commands", "main", "program", "run_commands"]

COMMANDS = {
    "data": "List, fetch, check, render and show image files.",
    "finetune": "Finetune the feature extractor on labelled images.",
    "train": "Extract features, train the beta-VAE, export the representation.",
    "settings": "List every setting with its default and its meaning.",
    "estimate": "Estimate how long a run takes on this machine.",
    "score": "Score codes of any model from a file.",
    "evaluate": "Score an exported representation with the five metrics.",
    "report": "Make a report to look at from scores.",
    "compare": "Set scored experiments beside each other.",
    "rehearse": "Run the submission as the server would.",
    "preflight": "Check what could make a submission fail.",
    "submit": "Tag this commit and push it for evaluation.",
    "hub": "Upload weights, card and exported model to a model hub.",
}

INSTALLED = "disentangle"

EXTRA_OF = {
    "torch": "training",
    "torchvision": "training",
    "lightning_fabric": "training",
    "tensorboard": "training",
    "jinja2": "report",
    "matplotlib": "report",
    "redis": "training",
    "packaging": "training",
    "huggingface_hub": "hub",
}
"""The optional part of the project that a command without this module lacks."""


class CommandGroup(click.Group):
    """Commands of which some are imported only when they are called.

    Args:
        text: the help of the group.
        helps: the one-line help of each command to import.
        place: the module of such a command, with {} for its name.
    """

    def __init__(self, text: str, helps: Mapping[str, str], place: str) -> None:
        super().__init__(help=text)
        self._helps, self._place = helps, place

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names the commands."""
        return [*self.commands, *self._helps]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Finds or imports a command; None if there is none of this name."""
        if cmd_name not in self._helps:
            return super().get_command(ctx, cmd_name)
        command = getattr(importlib.import_module(self._place.format(cmd_name)), cmd_name)
        assert isinstance(command, click.Command)
        _add_debug_option(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds a command; the error for an unknown name proposes the nearest."""
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            raise click.exceptions.NoSuchCommand(name, possibilities=known, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the one-line helps."""
        own = {name: command.get_short_help_str(120) for name, command in self.commands.items()}
        with formatter.section("Commands"):
            formatter.write_dl([*own.items(), *self._helps.items()])


commands = CommandGroup(
    "Disentangled representations from finetuned features, ready to submit.\n\n"
    "COMMAND --help says what a command needs and writes. ./run.sh runs the usual ones in order.",
    COMMANDS,
    "submission.commands.{}",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand.

    Args:
        argv: the words after the program's name; those of the process when None.

    Returns:
        The exit status; see `program`.
    """
    is_installed = Path(sys.argv[0]).name == INSTALLED
    return run_commands(commands, INSTALLED if is_installed else "python -m submission", argv)


def run_commands(group: click.Group, name: str, argv: Sequence[str] | None = None) -> int:
    """Runs a subcommand of a group. Every subcommand gets the option `--debug`.

    Args:
        group: the commands.
        name: of the program, for its usage line.
        argv: the words after the program's name; those of the process when None.

    Returns:
        The exit status; see `program`.
    """
    let_threads_sleep()
    given: dict[str, bool] = {}
    _add_debug_option(group)

    def run() -> None:
        given["debug"] = is_debugging()
        words = [_with_home_folder(word) for word in (sys.argv[1:] if argv is None else argv)]
        for before, word in zip((name, *words), words, strict=False):
            if re.fullmatch("(--[a-z-]+=)?", word):
                raise InputError(
                    f"expected no empty word on the command line, got {word!r} after {before}; "
                    "write a value, or leave the option out"
                )
        try:
            group.main(args=words, prog_name=name, standalone_mode=False, obj=given)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package not in EXTRA_OF:
                raise
            raise InputError(
                f"expected the package {package} for this command, got none; install it in a clone "
                f"of the project with: pip install '.[{EXTRA_OF[package]}]'"
            ) from error

    return program(run, lambda: given.get("debug", False))


def _with_home_folder(word: str) -> str:
    """Replaces ~ in --output=~/there; shells know it at the beginning of a word only."""
    return re.sub("^(--[a-z-]+=)(~/.*)", lambda found: found[1] + str(user_path(found[2])), word)


def _add_debug_option(command: click.Command) -> None:
    """Adds `--debug` to a command and to the subcommands of a group, once."""
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        _add_debug_option(each)
    if not any(parameter.name == "debug" for parameter in command.params):
        text = "Show the traceback of every error; DISENTANGLE_DEBUG=1 does the same."
        command.params.append(
            click.Option(
                ["--debug"], is_flag=True, expose_value=False, callback=_note_debug, help=text
            )
        )


def _note_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.find_root().obj["debug"] = True


def program(main: Callable[[], None], shows_traceback: Callable[[], bool] = is_debugging) -> int:
    """Runs a program's body and ends it with a result, with one line or with a traceback.

    What the user or the system causes ends in one line: `UserError`, a wrong usage, and an OSError
    that has an error number. Any other exception is a bug: it keeps its traceback, and a last line
    asks for a report. SIGTERM ends the body in order.

    Args:
        main: the body.
        shows_traceback: called after an error; says whether a mistake shows its traceback, too.

    Returns:
        0 after success, 1 after an error, 2 after a wrong usage, 128 + N after signal N.
    """
    prepare_streams()
    try:
        with ending_on_sigterm():
            main()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("stopped by SIGINT", file=sys.stderr)
        return 130
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return 128 + stopped.signal_number
    except Exception as error:  # noqa: BLE001 - a bug is shown whole
        line = _line_for(error)
        if line is None or shows_traceback():
            traceback.print_exc()
        print(f"error: {line or _request()}", file=sys.stderr)
        return 1
    return 0


def _line_for(error: Exception) -> str | None:
    """Says in one line what the user or the system caused; None for a bug."""
    if isinstance(error, UserError):
        text = str(error)
    elif isinstance(error, OSError) and error.errno is not None:
        places = [str(place) for place in (error.filename, error.filename2) if place is not None]
        text = f"{' -> '.join(places)}: {error.strerror}" if places else str(error)
    else:
        return None
    return " ".join(text.split()) or type(error).__name__


def _request() -> str:
    """Asks for a report of a bug and names what the report needs."""
    versions = [f"Python {platform.python_version()}", platform.platform()]
    for package in ("torch", "numpy"):
        with suppress(PackageNotFoundError):
            versions.append(f"{package} {version(package)}")
    return (
        "this is a bug of the program, not a mistake of yours; please report the lines above, the "
        f"command, its settings (training/started.gin) and: {', '.join(versions)}"
    )
