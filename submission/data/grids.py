"""Factor grids by sizes or by a data set's name, without the images."""

from collections.abc import Sequence

from submission.data.catalogue import (
    FACTOR_NAMES,
    MPI3D_NAMES,
    STANDIN_NAMES,
    default_grid,
    variant_of,
)
from submission.data.library.sets import LIBRARY_SETS
from submission.errors import InputError
from submission.factors import FactorSpace

__all__ = ["grid_of"]


def grid_of(
    text: str, num_points: int, names: Sequence[str] | None = None
) -> tuple[FactorSpace, tuple[str, ...]]:
    """Finds the grid that codes of a whole data set enumerate.

    Args:
        text: sizes such as "6,6,2,3,3,40,40", the last factor fastest, or the name of a data set
            whose sizes are known.
        num_points: the number of codes.
        names: of the factors, for sizes; "factor 0" and so on if None.

    Returns:
        the grid, and the names of its factors that are drawn at random and not scored.

    Raises:
        InputError: for an unknown name, sizes that are no whole numbers from 1, another number of
            names, or another number of points than `num_points`.

    Example:
        >>> grid_of("cars3d", 17568)[0].sizes
        (4, 24, 183)
    """
    text = text.strip()
    hidden: tuple[str, ...] = ()
    words = [word.strip() for word in text.split(",")]
    if all(word.isascii() and word.isdecimal() and len(word) < 20 for word in words):
        sizes = tuple(map(int, words))
        space = FactorSpace(tuple(names or (f"factor {f}" for f in range(len(sizes)))), sizes)
    elif names is not None:
        raise InputError(f"expected sizes to name, got names {','.join(names)} and the grid {text}")
    elif text in MPI3D_NAMES:
        space = variant_of(text, num_points).space
    elif text in LIBRARY_SETS:
        space, hidden = LIBRARY_SETS[text].space, LIBRARY_SETS[text].hidden
    elif text in STANDIN_NAMES:
        raise InputError(
            f"expected sizes for {text}, which is rendered in any size; give them, such as "
            f"--grid {','.join(map(str, default_grid(text)))} --names {','.join(FACTOR_NAMES)}"
        )
    else:
        known = ", ".join((*MPI3D_NAMES, *LIBRARY_SETS))
        raise InputError(
            f"expected sizes such as 6,6,2,3,3,40,40 or one of {known} as a grid, got {text!r}"
        )
    if space.num_points != num_points:
        raise InputError(
            f"expected {' x '.join(map(str, space.sizes))} = {space.num_points:,} rows of codes "
            f"for the grid {text}, got {num_points:,}; for codes of some of its points give their "
            "factors instead"
        )
    return space, hidden
