"""Configurations: read from gin files, overridden, checked as a whole and written down again."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from submission.config.gin_file import read_file, read_text, with_macros_replaced
from submission.config.group import Group
from submission.config.names import RENAMED, nearest_names
from submission.config.settings import AdaptSettings, ExtractSettings, FinetuneSettings, FitSettings
from submission.errors import InputError, MissingFileError, did_you_mean
from submission.files import write_text

__all__ = [
    "PROJECT",
    "Configuration",
    "changed_settings",
    "configuration_text",
    "load_configuration",
    "save_configuration",
]


def _project() -> Path:
    """Finds the clone that this package lies in; the working folder if it is installed alone."""
    around = Path(__file__).resolve().parents[2]
    return around if (around / "configs").is_dir() else Path.cwd()


PROJECT = _project()
"""The folder of configs/, weights/ and the git repository. The wheel has none of them."""


@dataclass(frozen=True)
class Configuration:
    """All settings of a run; by default the paper's.

    Attributes:
        finetune: how the extractor is finetuned.
        adapt: how it is adapted to the data set.
        extract: how features are extracted.
        fit: the beta-VAE and its training.

    Example:
        >>> Configuration(fit=FitSettings(seed=7)).fit.num_latents
        16
    """

    finetune: FinetuneSettings = field(default_factory=FinetuneSettings)
    adapt: AdaptSettings = field(default_factory=AdaptSettings)
    extract: ExtractSettings = field(default_factory=ExtractSettings)
    fit: FitSettings = field(default_factory=FitSettings)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups in their order."""
        return tuple(getattr(self, each.name) for each in fields(self))


def load_configuration(path: Path | None, overrides: Sequence[str] = ()) -> Configuration:
    """Reads a gin file, then overrides, and checks every value.

    Settings of stages that a run does not have are checked, too.

    Args:
        path: the file, seen from the working folder or from the project's, or None for the
            defaults alone.
        overrides: further lines such as "Fit.num_epochs = 3".

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if a line cannot be read, names something that cannot be set, or gives a value
            of another type or out of range.

    Example:
        >>> load_configuration(None, ["Fit.seed = 7"]).fit.seed
        7
    """
    folders = [Path(), PROJECT]
    assignments = []
    if path is not None:
        try:
            assignments += read_file(path, folders)
        except MissingFileError as error:
            raise MissingFileError(f"{error}; {_presets(path)}") from error
    for line in overrides:
        added = read_text(line, "the command line", folders)
        if not added:
            raise InputError(f"in the command line: expected NAME = VALUE, got {line!r}")
        assignments += added
    default = Configuration()
    known = [each.name for group in default.groups for each in group.settings()]
    values: dict[str, dict[str, Any]] = {group.group_name(): {} for group in default.groups}
    for assignment in with_macros_replaced(assignments):
        name = assignment.name.removeprefix("submission.")
        if name not in known:
            way_out = (
                f"it is now called {RENAMED[name]}"
                if name in RENAMED
                else f"the nearest name that can be set is {nearest_names(name, known)}"
            )
            raise InputError(
                f"in {assignment.place}: expected the name of a setting, got {assignment.name}; "
                f"{way_out}"
            )
        group, setting = name.split(".")
        values[group][setting] = assignment.value
    return Configuration(
        FinetuneSettings(**values["Finetune"]),
        AdaptSettings(**values["Adapt"]),
        ExtractSettings(**values["Extract"]),
        FitSettings(**values["Fit"]),
    )


def changed_settings(configuration: Configuration) -> dict[str, Any]:
    """Gives what a configuration changes in the paper's numbers, by `Group.setting`.

    Example:
        >>> changed_settings(Configuration(fit=FitSettings(seed=7)))
        {'Fit.seed': 7}
    """
    return {
        each.name: each.value
        for group in configuration.groups
        for each in group.settings()
        if each.value != each.default
    }


def configuration_text(*groups: Group) -> str:
    """Writes groups of settings as gin text that gives the same settings again.

    Example:
        >>> "submission.Fit.seed = 7" in configuration_text(FitSettings(seed=7)).splitlines()
        True
    """
    lines = ["# Every setting that the run used; given as CONFIG, this file runs it again."]
    for group in groups:
        lines.append("")
        lines += [f"submission.{each.name} = {each.value!r}" for each in group.settings()]
    return "\n".join(lines) + "\n"


def save_configuration(path: Path, *groups: Group) -> None:
    """Writes groups of settings to a file, atomically; see `configuration_text`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_configuration(Path(folder, "run.gin"), FitSettings(seed=7))
        ...     load_configuration(Path(folder, "run.gin")).fit.seed
        7
    """
    write_text(path, configuration_text(*groups))


def _presets(path: Path) -> str:
    names = sorted(f"configs/{file.name}" for file in (PROJECT / "configs").glob("*.gin"))
    if not names:
        return "presets lie in configs/ of a clone of the project: change to it, or give a path"
    hint = did_you_mean(str(path), names, "give one of them, or another file")
    return f"those that ship are {', '.join(names)}; {hint}"
