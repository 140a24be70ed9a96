"""What the command line says of itself."""

from collections.abc import Iterator

import click
import pytest

from experiments.commands import FITTING, experiments
from submission.cli import COMMANDS, commands, main
from tests.blocked import run_without

HEAVY = frozenset({"torch", "tensorflow", "sklearn", "scipy", "matplotlib", "numba"})


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    for name in COMMANDS:
        assert name in printed


@pytest.mark.parametrize("command", [*COMMANDS, "data check"])
def test_every_command_has_the_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert main([*command.split(), "--help"]) == 0
        assert capsys.readouterr().out.count("--debug") == 1


def test_a_commands_help_needs_no_heavy_package() -> None:
    """Commands import what they need when they begin to work."""
    program = (
        "from submission.cli import main\n"
        "for name in sys.argv[1:]: assert main([name, '--help']) == 0, name"
    )
    done = run_without(HEAVY, program, *COMMANDS)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["", *experiments.commands], set()),
        (list(FITTING), {"scipy", "numba"}),  # their options name what the fit is made of
    ],
)
def test_an_experiments_help_needs_no_heavy_package(words: list[str], allowed: set[str]) -> None:
    program = (
        "from experiments.commands import experiments\n"
        "from submission.cli import run_commands\n"
        "for name in sys.argv[1:]:\n"
        "    assert run_commands(experiments, 'experiments', [*name.split(), '--help']) == 0, name"
    )
    done = run_without(HEAVY - allowed, program, *words)
    assert done.returncode == 0, done.stderr


def commands_of(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from commands_of(command)


def test_every_option_says_what_it_is_for() -> None:
    for name, command in commands_of(commands):
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, (name, option.name)


@pytest.mark.parametrize("words", [(), ("data",)])
def test_the_line_of_a_command_is_not_cut(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--help"]) == 0
    _, _, commands = capsys.readouterr().out.partition("Commands:")
    assert len(commands.splitlines()) > 4
    assert "..." not in commands
