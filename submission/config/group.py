"""A group of settings: a frozen dataclass whose fields carry help text and limits as data."""

import difflib
import math
import operator
from dataclasses import dataclass, field, fields
from numbers import Integral
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from submission.errors import InputError

__all__ = ["Group", "Setting", "outcome_settings", "setting"]

Value = TypeVar("Value")

LIMITS = {
    "at_least": operator.ge,
    "above": operator.gt,
    "at_most": operator.le,
    "below": operator.lt,
}
"""The limits that a setting can have, each a comparison of the value with a number."""


def setting(default: Value, help: str, *, affects_outcome: bool = True, **limits: float) -> Value:
    """Declares a field of a group.

    Args:
        default: the paper's value where the paper gives one.
        help: what the setting means.
        affects_outcome: whether another value can change the result of a run.
        limits: numbers by the names in `LIMITS`; for a tuple, they hold for each item.

    Example:
        >>> @dataclass(frozen=True)
        ... class PaintSettings(Group):
        ...     coats: int = setting(2, "How often to paint.", at_least=1)
        >>> PaintSettings(coats=0)
        Traceback (most recent call last):
        submission.errors.InputError: expected Paint.coats to be a whole number at least 1, got 0
    """
    data = {"help": help, "affects_outcome": affects_outcome, "limits": limits}
    made: Value = field(default=default, metadata=data)
    return made


@dataclass(frozen=True)
class Setting:
    """A setting of a group, with its current value.

    Attributes:
        name: such as "Fit.seed".
        field: such as "seed".
        kind: its type; one of str, bool, int, float, tuple[int, ...] or a Literal of texts.
        value: of this group.
        default: the paper's.
        help: what it means.
        affects_outcome: whether another value can change the result of a run.
        limits: numbers by the names in `LIMITS`.

    Example:
        >>> from submission.config.settings import FitSettings
        >>> [seed] = [each for each in FitSettings(seed=7).settings() if each.field == "seed"]
        >>> seed.name, seed.value, seed.expected()
        ('Fit.seed', 7, 'a whole number at least 0')
    """

    name: str
    field: str
    kind: Any
    value: Any
    default: Any
    help: str
    affects_outcome: bool
    limits: dict[str, float]

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts that are allowed; empty where any value of the type is."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    def expected(self) -> str:
        """Says which values are allowed, such as "one of radam, adam" or "a finite number"."""
        limits = " and ".join(
            f"{name.replace('_', ' ')} {limit}" for name, limit in self.limits.items()
        )
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if get_origin(self.kind) is tuple:
            return f"one or more whole numbers such as (8, 4) or (8,), each {limits}"
        kind = {int: "a whole number", float: "a finite number", bool: "True or False"}
        return f"{kind.get(self.kind, 'a text')} {limits}".strip()

    def check(self) -> None:
        """Refuses a value of another type or out of range.

        An int may stand for a float. An int must fit into 64 bits.

        Raises:
            InputError: with the setting's name, what is allowed and the value.
        """
        if not self._is_allowed():
            hint = ""
            if self.choices and isinstance(self.value, str):
                found = difflib.get_close_matches(self.value.lower(), self.choices, n=1, cutoff=0)
                hint = f"; the nearest is {found[0]}"
            elif type(self.value) is int and abs(self.value) >= 2**63:
                hint = "; give a number below 2**63"
            raise InputError(
                f"expected {self.name} to be {self.expected()}, got {self.value!r}{hint}"
            )

    def _is_allowed(self) -> bool:
        if self.choices:
            return type(self.value) is str and self.value in self.choices
        if get_origin(self.kind) is tuple:
            return (
                type(self.value) is tuple
                and len(self.value) > 0
                and all(type(item) is int and self._is_within(item) for item in self.value)
            )
        if self.kind in (int, float):
            return self._is_number() and self._is_within(self.value)
        return type(self.value) is self.kind

    def _is_within(self, number: float) -> bool:
        return all(LIMITS[name](number, limit) for name, limit in self.limits.items())

    def _is_number(self) -> bool:
        if isinstance(self.value, Integral) and not isinstance(self.value, bool):
            return abs(int(self.value)) < 2**63
        return self.kind is float and type(self.value) is float and math.isfinite(self.value)


@dataclass(frozen=True)
class Group:
    """Settings that belong together; checked when they are made.

    Example:
        >>> from submission.config.settings import FitSettings
        >>> FitSettings(seed=7).seed
        7
        >>> FitSettings(seed=-1)
        Traceback (most recent call last):
        submission.errors.InputError: expected Fit.seed to be a whole number at least 0, got -1
    """

    def __post_init__(self) -> None:
        for each in self.settings():
            each.check()

    @classmethod
    def group_name(cls) -> str:
        """The group's name in configuration files, such as "Fit"."""
        return cls.__name__.removesuffix("Settings")

    def settings(self) -> list[Setting]:
        """Lists the settings in the order in which they are declared."""
        kinds = get_type_hints(type(self))
        return [
            Setting(
                name=f"{self.group_name()}.{each.name}",
                field=each.name,
                kind=kinds[each.name],
                value=getattr(self, each.name),
                default=each.default,
                **each.metadata,
            )
            for each in fields(self)
        ]


def outcome_settings(group: Group) -> dict[str, Any]:
    """Gives the settings that the result of a run depends on, by names such as "Fit.seed".

    Settings such as the time between checkpoints are left out.

    Example:
        >>> from submission.config.settings import AdaptSettings
        >>> "Adapt.seed" in outcome_settings(AdaptSettings())
        True
        >>> "Adapt.checkpoint_seconds" in outcome_settings(AdaptSettings())
        False
    """
    return {each.name: each.value for each in group.settings() if each.affects_outcome}
