"""Reads gin's notation into assignments: names, values, macros and included files.

Gin's own parser reads the text. Gin's registry is not used: nothing is imported, and no function
that a file names is looked up or called. Imports, references and scopes are refused.
"""

import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gin.config_parser import ConfigParser, ImportStatement, IncludeStatement, ParserDelegate

from submission.errors import InputError, MissingFileError
from submission.server.environment import user_path

__all__ = ["Assignment", "read_file", "read_text", "with_macros_replaced"]

FORM = "expected NAME = VALUE with a number, a tuple such as (1, 2) or text in quotes"


@dataclass(frozen=True)
class Assignment:
    """A value for a name, and where it was written.

    Attributes:
        name: such as "submission.Fit.seed"; a macro's name has no dot.
        value: a Python literal, which may contain macros.
        place: file and line, or the command line.
    """

    name: str
    value: Any
    place: str


@dataclass(frozen=True)
class _Symbol:
    """What stands for a value: a macro `%name`, or a reference `@name` to a function."""

    text: str


class _Delegate(ParserDelegate):  # type: ignore[misc]
    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> _Symbol:
        return _Symbol(f"@{scoped_configurable_name}")

    def macro(self, macro_name: str) -> _Symbol:
        return _Symbol(f"%{macro_name}")


def read_file(
    path: Path, folders: Sequence[Path], place: str = "", including: tuple[Path, ...] = ()
) -> list[Assignment]:
    """Reads a file and what it includes.

    Args:
        path: the file.
        folders: where a relative path is looked for, after the folder of the including file.
        place: where the path was written; empty if the user named it.
        including: the files that lead to this one, each included by the one before it.

    Returns:
        The assignments in their order. The last one to a name counts.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it cannot be read, or includes itself.
    """
    begin = f"in {place}: " if place else ""
    beside = [including[-1].parent] if including else []
    candidates = [folder / path for folder in (*beside, *folders)]
    found = next((candidate for candidate in candidates if candidate.exists()), None)
    if found is None:
        raise MissingFileError(f"{begin}expected a configuration at {path}, got no such file")
    if not found.is_file():
        raise InputError(f"{begin}expected a configuration file, got the folder {path}")
    if found.resolve() in including:
        raise InputError(f"{begin}expected files that do not include themselves, got {path}")
    try:
        text = found.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{begin}expected a text file, got other bytes in {path}") from error
    return read_text(text, str(path), folders, (*including, found.resolve()))


def read_text(
    text: str, origin: str, folders: Sequence[Path], including: tuple[Path, ...] = ()
) -> list[Assignment]:
    """Reads gin's notation.

    Args:
        text: what to read.
        origin: where it stands, for messages.
        folders: see `read_file`.
        including: see `read_file`.

    Raises:
        MissingFileError: if an included file does not exist.
        InputError: if a line is not in gin's notation, or does something else than assign.

    Example:
        >>> read_text("submission.Fit.seed = 7", "--set", folders=[])
        [Assignment(name='submission.Fit.seed', value=7, place='--set')]
    """
    assignments = []
    for statement in _statements(text, origin):
        place = f"{origin}, line {statement.location[1]}" if "\n" in text else origin
        if isinstance(statement, IncludeStatement):
            assignments += read_file(user_path(statement.filename), folders, place, including)
        elif isinstance(statement, ImportStatement):
            raise InputError(f"in {place}: {FORM}, got an import of {statement.module}")
        else:
            name = ".".join(filter(None, (statement.selector, statement.arg_name)))
            if statement.scope:
                raise InputError(
                    f"in {place}: expected a name without a scope, got {statement.scope}/{name}; "
                    f"write {name}"
                )
            assignments.append(Assignment(name, statement.value, place))
    return assignments


def with_macros_replaced(assignments: Sequence[Assignment]) -> list[Assignment]:
    """Replaces macros by their values and leaves out their definitions; unused ones stay.

    Raises:
        InputError: if a macro has no value, or a value refers to a function.

    Example:
        >>> lines = ("SEED = 7", "submission.Fit.seed = %SEED")
        >>> written = [each for line in lines for each in read_text(line, "--set", folders=[])]
        >>> with_macros_replaced(written)
        [Assignment(name='submission.Fit.seed', value=7, place='--set')]
    """
    macros = {each.name: each.value for each in assignments if "." not in each.name}
    used: set[str] = set()

    def resolve(value: Any, place: str, inside: tuple[str, ...] = ()) -> Any:
        if isinstance(value, tuple):
            return tuple(resolve(item, place, inside) for item in value)
        if not isinstance(value, _Symbol):
            return value
        name = value.text[1:]
        if value.text.startswith("@"):
            raise InputError(f"in {place}: {FORM}, got the reference {value.text}")
        if name not in macros or name in inside:
            raise InputError(
                f"in {place}: expected a line {name} = VALUE that gives {value.text} a value, "
                "got none"
            )
        used.add(name)
        return resolve(macros[name], place, (*inside, name))

    resolved = [replace(each, value=resolve(each.value, each.place)) for each in assignments]
    return [each for each in resolved if each.name not in used]


def _statements(text: str, origin: str) -> list[Any]:
    try:
        return list(ConfigParser(text, _Delegate()))
    except (SyntaxError, tokenize.TokenError, ValueError, TypeError, RecursionError) as error:
        is_token_error = isinstance(error, tokenize.TokenError)
        number = error.args[1][0] if is_token_error else getattr(error, "lineno", None) or 1
        lines = text.splitlines() or [""]
        line = lines[min(number, len(lines)) - 1].strip()
        place = f"{origin}, line {number}" if len(lines) > 1 else origin
        # The shell takes one pair of quotes away.
        unquoted = re.search(r"=\s*[A-Za-z_][\w./-]*$", line)
        hint = "; on a command line, --set \"NAME='text'\"" if unquoted else ""
        raise InputError(f"in {place}: {FORM}, got: {line[:120]}{hint}") from error
