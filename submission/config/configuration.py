"""Configurations: read from gin files, overridden, checked as a whole and written down again."""

import difflib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import gin

import submission.config.settings
from submission.config.gin_text import GinReader
from submission.errors import InputError, MissingFileError
from submission.files import replacing

__all__ = [
    "PROJECT",
    "SETTINGS",
    "changed_settings",
    "configuration_text",
    "load_configuration",
    "save_configuration",
]

PROJECT = Path(__file__).resolve().parents[2]

SETTINGS: dict[str, Any] = {
    name.removesuffix("Settings"): getattr(submission.config.settings, name)
    for name in submission.config.settings.__all__
}
"""Every class of settings by its name in configuration files."""


def load_configuration(path: Path | None, overrides: Sequence[str] = ()) -> None:
    """Reads a gin file and then overrides, forgetting what was read before.

    Every value is checked, those of stages that the run has not included.

    Args:
        path: the file, seen from the working folder or from the project's, or None for the
            defaults alone.
        overrides: further lines such as "Fit.num_epochs = 3".

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if a line cannot be read, names something that cannot be set, or gives a value
            of another type or out of range.
    """
    reader = GinReader([Path(), PROJECT])
    if path is not None:
        try:
            reader.add_file(path)
        except FileNotFoundError as error:
            raise MissingFileError(f"{error}; {_presets(path)}") from error
    for line in overrides:
        if reader.add_text(line, "the command line") == 0:
            raise InputError(f"in the command line: expected NAME = VALUE, got {line!r}")
    assignments = reader.assignments()
    known = [f"{name}.{field.name}" for name in SETTINGS for field in fields(SETTINGS[name])]
    gin.clear_config()
    for assignment in assignments:
        name = assignment.name.removeprefix("submission.")
        if name not in known:
            raise InputError(
                f"in {assignment.origin}: expected the name of a setting, got {assignment.name}; "
                f"the nearest name that can be set is {_nearest(name, known)}"
            )
        gin.bind_parameter(f"submission.{name}", assignment.value)
    for settings in SETTINGS.values():
        try:
            settings()
        except ValueError as error:  # gin adds lines about its own calls
            raise InputError(str(error).splitlines()[0]) from error


def changed_settings() -> dict[str, Any]:
    """Gives what the loaded configuration changes in the paper's numbers, by `Group.setting`."""
    loaded = {name: settings() for name, settings in SETTINGS.items()}
    return {
        f"{name}.{field.name}": value
        for name, settings in loaded.items()
        for field in fields(settings)
        if (value := getattr(settings, field.name)) != field.default
    }


def configuration_text(*settings: Any) -> str:
    """Writes settings as gin text that gives the same settings again.

    Args:
        settings: objects of the classes in `SETTINGS`.
    """
    lines = ["# Every setting that the run used; given as CONFIG, this file runs it again."]
    for group in settings:
        name = type(group).__name__.removesuffix("Settings")
        lines.append("")
        lines += [
            f"submission.{name}.{field.name} = {getattr(group, field.name)!r}"
            for field in fields(group)
        ]
    return "\n".join(lines) + "\n"


def save_configuration(path: Path, *settings: Any) -> None:
    """Writes settings to a file, atomically; see `configuration_text`."""
    with replacing(path) as beside:
        beside.write_text(configuration_text(*settings), encoding="utf-8")


def _nearest(name: str, known: Sequence[str]) -> str:
    """Finds what was meant, if a word has a slip, an initial only, or the class is left out."""

    def ratio(first: str, second: str) -> float:
        return difflib.SequenceMatcher(None, first, second).ratio()

    def likeness(candidate: str) -> float:
        group, parameter = candidate.lower().split(".")
        *groups, written = name.lower().split(".")
        initials = "".join(word[0] for word in parameter.split("_"))
        same = 1.0 if written == initials else ratio(written, parameter)
        by_parts = 2 * same + ratio("".join(groups[-1:]), group)
        return max(by_parts, 3 * ratio(name.lower(), candidate.lower()))

    scores = {candidate: likeness(candidate) for candidate in known}
    return " or ".join(each for each in known if scores[each] == max(scores.values()))


def _presets(path: Path) -> str:
    names = sorted(f"configs/{file.name}" for file in (PROJECT / "configs").glob("*.gin"))
    nearest = difflib.get_close_matches(str(path), names, n=1)
    hint = f"; the nearest is {nearest[0]}" if nearest else ""
    return f"those that ship are {', '.join(names)}{hint}"
