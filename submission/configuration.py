"""Configuration files: read, overridden and, after a run, written down as they were used."""

import dataclasses
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gin

import submission.settings

__all__ = ["PROJECT", "load_configuration", "operative_configuration"]

PROJECT = Path(__file__).resolve().parents[1]


def load_configuration(path: Path | None, overrides: Sequence[str] = ()) -> None:
    """Reads a gin file and then overrides, forgetting what was read before.

    Args:
        path: the file, seen from the working folder or from the project's, or None for the
            defaults alone.
        overrides: further lines such as "Fit.num_epochs = 3".

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if a line cannot be read, or names something that cannot be set.
    """
    gin.clear_config()
    if path is not None:
        found = next((place for place in (path, PROJECT / path) if place.is_file()), None)
        if found is None:
            raise FileNotFoundError(
                f"expected a configuration at {path}; those that ship are in configs/"
            )
        _parse(found.read_text(encoding="utf-8"), str(path))
    for line in overrides:
        _parse(line, "the command line")


def operative_configuration() -> str:
    """Writes as gin text every setting that the run has used, defaults included."""
    return str(gin.operative_config_str())


def _parse(text: str, origin: str) -> None:
    try:
        gin.parse_config(text)
    except (ValueError, TypeError, SyntaxError, AttributeError) as error:
        message = str(error).splitlines()[0]
        raise ValueError(f"in {origin}: {message}{_suggestion(text)}") from error


def _suggestion(text: str) -> str:
    known = [
        f"{name}.{field.name}"
        for name, settings in _configurables().items()
        for field in dataclasses.fields(settings)
    ]
    for line in text.splitlines():
        name = line.split("=")[0].strip().removeprefix("submission.")
        if "=" in line and not name.startswith("#") and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0)
            return f"; the nearest name that can be set is {close[0]}" if close else ""
    return ""


def _configurables() -> dict[str, type[Any]]:
    return {
        "Finetune": submission.settings.FinetuneSettings,
        "Extract": submission.settings.ExtractSettings,
        "Fit": submission.settings.FitSettings,
    }
