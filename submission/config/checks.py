"""Refuses values of settings, with the setting's name, what was expected and what was given."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from submission.errors import InputError

__all__ = ["require", "require_at_least", "require_one_of", "require_types"]


def require_types(settings: Any, prefix: str) -> None:
    """Refuses values of another type than the field's default; an int may stand for a float.

    A float must be finite, too, and an int must fit into 64 bits.
    """
    for field in fields(settings):
        value, kind = getattr(settings, field.name), type(field.default)
        name = f"{prefix}.{field.name}"
        allowed = (int, float) if kind is float else (kind,)
        items = value if type(value) is tuple else (value,)
        wrong_item = kind is tuple and not all(type(item) is int for item in items)
        if type(value) not in allowed or wrong_item:
            expected = "a tuple of int such as (8, 4) or (8,)" if kind is tuple else kind.__name__
            raise InputError(f"expected {name} to be {expected}, got {value!r}")
        small = all(abs(item) < 2**63 for item in items if type(item) is int)
        require(small, name, "below 2**63", value)
        if kind is float:
            require(math.isfinite(value), name, "finite", value)


def require(condition: bool, name: str, expected: str, value: object) -> None:
    """Refuses a value where a condition does not hold; the name is `Group.setting`."""
    if not condition:
        raise InputError(f"expected {name} to be {expected}, got {value!r}")


def require_one_of(choices: Sequence[str], prefix: str, **values: str) -> None:
    """Refuses values that are none of the choices, with the nearest of them."""
    for name, value in values.items():
        if value not in choices:
            nearest = difflib.get_close_matches(value.lower(), choices, n=1, cutoff=0)[0]
            raise InputError(
                f"expected {prefix}.{name} to be one of {', '.join(choices)}, got {value!r}; "
                f"the nearest is {nearest}"
            )


def require_at_least(minimum: float, prefix: str, **values: float) -> None:
    """Refuses values below a minimum."""
    for name, value in values.items():
        require(value >= minimum, f"{prefix}.{name}", f"at least {minimum}", value)
