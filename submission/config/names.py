"""Finds the setting that a misspelt or an earlier name stands for."""

import difflib
from collections.abc import Sequence

__all__ = ["RENAMED", "nearest_names"]

RENAMED = {
    "Extract.adaptation_images": "Adapt.num_norm_images",
    "Tune.num_images": "Adapt.num_tuning_images",
    "Tune.batch_size": "Adapt.batch_size",
    "Tune.learning_rate": "Adapt.learning_rate",
    "Tune.axis_weight": "Adapt.axis_weight",
    "Tune.augmentation": "Adapt.augmentation",
    "Tune.seed": "Adapt.seed",
    "Tune.checkpoint_seconds": "Adapt.checkpoint_seconds",
}
"""Settings that files of earlier versions call by the first name."""


def nearest_names(name: str, known: Sequence[str]) -> str:
    """Finds the settings whose names, or earlier names, are most like a name.

    Handles a slip, the initials of a setting, and a name without its group.

    Returns:
        One name, or several equally near ones joined by "or".

    Example:
        >>> nearest_names("Finetune.lr", ["Finetune.learning_rate", "Finetune.seed"])
        'Finetune.learning_rate'
        >>> nearest_names("Tune.num_images", ["Adapt.num_tuning_images"])
        'Adapt.num_tuning_images'
    """
    scores = {candidate: _likeness(name, candidate) for candidate in (*known, *RENAMED)}
    best = max(scores.values())
    nearest = [RENAMED.get(each, each) for each, score in scores.items() if score == best]
    return " or ".join(dict.fromkeys(nearest))


def _likeness(name: str, candidate: str) -> float:
    group, setting = candidate.lower().split(".")
    *groups, written = name.lower().split(".")
    initials = "".join(word[0] for word in setting.split("_"))
    same = 1.0 if written == initials else _ratio(written, setting)
    by_parts = 2 * same + _ratio("".join(groups[-1:]), group)
    return max(by_parts, 3 * _ratio(name.lower(), candidate.lower()))


def _ratio(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, first, second).ratio()
