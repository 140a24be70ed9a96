"""Reads gin's notation into assignments: names, values, macros and included files.

The grammar is gin's own parser's. What gin would do beyond assigning values is refused: imports,
references to functions, and scopes, which would pass unnoticed since no setting is read in one.
"""

import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gin.config_parser import (
    BindingStatement,
    ConfigParser,
    ImportStatement,
    IncludeStatement,
    ParserDelegate,
)

from submission.errors import InputError, MissingFileError

__all__ = ["Assignment", "GinReader"]

FORM = "expected NAME = VALUE with a number, a tuple such as (1, 2) or text in quotes"


@dataclass(frozen=True)
class Assignment:
    """A value for a name, and where it was written.

    Attributes:
        name: such as "submission.Fit.seed".
        value: a Python literal.
        origin: file and line, or the command line.
    """

    name: str
    value: Any
    origin: str


@dataclass(frozen=True)
class _Macro:
    name: str


@dataclass(frozen=True)
class _Reference:
    name: str


class _Delegate(ParserDelegate):  # type: ignore[misc]
    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> _Reference:
        return _Reference(scoped_configurable_name)

    def macro(self, macro_name: str) -> _Macro:
        return _Macro(macro_name)


class GinReader:
    """Collects the assignments of texts and files; later ones stand after earlier ones.

    Args:
        folders: where relative paths are looked for, after the folder of the including file.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._written: list[Assignment] = []
        self._open: list[Path] = []

    def add_file(self, path: Path, origin: str = "") -> None:
        """Reads a file and what it includes.

        Args:
            path: the file.
            origin: where its name was written.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it cannot be read, or includes itself.
        """
        begin = f"in {origin}: " if origin else ""
        beside = [self._open[-1].parent] if self._open else []
        places = [folder / path for folder in (*beside, *self._folders)]
        found = next((place for place in places if place.exists()), None)
        if found is None:
            raise MissingFileError(f"{begin}expected a configuration at {path}, got no such file")
        if not found.is_file():
            raise InputError(f"{begin}expected a configuration file, got the folder {path}")
        if found.resolve() in self._open:
            raise InputError(f"{begin}expected files that do not include themselves, got {path}")
        try:
            text = found.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{begin}expected a text file, got other bytes in {path}") from error
        self._open.append(found.resolve())
        self.add_text(text, str(path))
        self._open.pop()

    def add_text(self, text: str, origin: str) -> int:
        """Reads assignments and returns the number of statements.

        Args:
            text: in gin's notation.
            origin: where it stands, for error messages.

        Raises:
            FileNotFoundError: if an included file does not exist.
            ValueError: if a line is not in gin's notation, or does something else than assign.
        """
        statements = _statements(text, origin)
        for statement in statements:
            place = f"{origin}, line {statement.location[1]}" if "\n" in text else origin
            if isinstance(statement, IncludeStatement):
                self.add_file(Path(statement.filename), place)
            elif isinstance(statement, ImportStatement):
                raise InputError(f"in {place}: {FORM}, got an import of {statement.module}")
            else:
                assert isinstance(statement, BindingStatement)
                name = ".".join(filter(None, (statement.selector, statement.arg_name)))
                if statement.scope:
                    raise InputError(
                        f"in {place}: expected a name without a scope, got {statement.scope}/{name}"
                    )
                self._written.append(Assignment(name, statement.value, place))
        return len(statements)

    def assignments(self) -> list[Assignment]:
        """Gives what was read with macros replaced by their values; unused macros stay.

        Raises:
            ValueError: if a macro is not defined, or a value refers to a function.
        """
        macros = {each.name: each.value for each in self._written if "." not in each.name}
        used: set[str] = set()

        def resolve(value: Any, origin: str, inside: tuple[str, ...] = ()) -> Any:
            if isinstance(value, _Reference):
                raise InputError(f"in {origin}: {FORM}, got the reference @{value.name}")
            if isinstance(value, _Macro):
                if value.name not in macros or value.name in inside:
                    raise InputError(
                        f"in {origin}: expected a line {value.name} = VALUE that gives "
                        f"%{value.name} a value, got none"
                    )
                used.add(value.name)
                return resolve(macros[value.name], origin, (*inside, value.name))
            if isinstance(value, tuple | list):
                return type(value)(resolve(item, origin, inside) for item in value)
            return value

        resolved = [
            Assignment(each.name, resolve(each.value, each.origin), each.origin)
            for each in self._written
        ]
        return [each for each in resolved if each.name not in used]


def _statements(text: str, origin: str) -> list[Any]:
    try:
        return list(ConfigParser(text, _Delegate()))
    except (SyntaxError, tokenize.TokenError, ValueError, TypeError, RecursionError) as error:
        number = _line_number(error)
        lines = text.splitlines() or [""]
        line = lines[min(number, len(lines)) - 1].strip()
        place = f"{origin}, line {number}" if len(lines) > 1 else origin
        raise InputError(f"in {place}: {FORM}, got: {line[:120]}{_quotes(line)}") from error


def _quotes(line: str) -> str:
    """Reminds of the shell, which takes one pair of quotes away."""
    bare = re.search(r"=\s*[A-Za-z_][\w./-]*$", line)
    return "; on a command line, --set \"NAME='text'\"" if bare else ""


def _line_number(error: Exception) -> int:
    if isinstance(error, tokenize.TokenError):
        number: int = error.args[1][0]
        return number
    return getattr(error, "lineno", None) or 1
