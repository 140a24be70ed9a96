"""The look on which settings are chosen: between the realistic and the real one, drawn once."""

import numpy as np

from experiments.varied import mixed
from submission.data.standin.look import PARTS, Look, look_of

__all__ = ["NAME", "validation_look"]

NAME = "standin_validation"
ENDS = ("standin_realistic", "standin_real")
SEED = 20


def validation_look() -> Look:
    """Draws the look of `standin_validation`.

    Each measure, surface and colour lies somewhere between its values in the realistic and in the
    real look. So the domain is another one than those that scores are reported on.

    Example:
        >>> validation_look().name
        'standin_validation'
    """
    random = np.random.default_rng(SEED)
    values = {
        part: {key: mixed(random, ENDS, part, key, beyond=0.0) for key in kind._fields}
        for part, kind in PARTS.items()
    }
    return look_of(NAME, values)
