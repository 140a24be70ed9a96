"""Columns of a `.csv` file, with or without a first line of names."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from submission.errors import InputError, one_line
from submission.scoring.arrays import Array
from submission.scoring.code_columns import is_number

__all__ = ["read_csv"]


def read_csv(path: Path) -> dict[str, Array]:
    """Reads a `.csv` file's columns by name.

    A first line with a cell that is no number holds the names. Without it, the columns are named
    "0", "1" and so on.

    Args:
        path: the file, in UTF-8, separated by commas.

    Returns:
        arrays (n,) of numbers, or of text where a cell is no number; an empty cell is NaN.

    Raises:
        InputError: if lines have different numbers of cells, a column has no name, or it cannot be
            told whether the first line holds names.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "codes.csv")
        ...     np.savetxt(path, [[0.5, 2]], "%g", delimiter=",", header="z0,z1", comments="")
        ...     read_csv(path)
        {'z0': array([0.5]), 'z1': array([2])}
    """
    if b"\0" in path.read_bytes():  # pandas would end the cell there
        raise InputError(f"expected text in UTF-8 in {path}, got a zero byte; save it as UTF-8")
    first = [str(cell).strip() for cell in _read(path, header=None, nrows=1, dtype=str).iloc[0]]
    has_names = _holds_names(first, path)
    frame = _read(path, header=0 if has_names else None)
    names = first if has_names else [str(number) for number in range(frame.shape[1])]
    if not len(frame):
        raise InputError(f"expected rows of numbers in {path}, got names only")
    return {name: np.asarray(frame.iloc[:, column].to_numpy()) for column, name in enumerate(names)}


def _read(path: Path, **options: Any) -> Any:
    """Reads a data frame; refuses what pandas would guess at."""
    # Imported here, because pandas is slow to import.
    import pandas
    from pandas.errors import EmptyDataError, ParserError, ParserWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ParserWarning)
            return pandas.read_csv(
                path,
                index_col=False,
                keep_default_na=False,
                na_values=[""],
                skipinitialspace=True,
                low_memory=False,
                float_precision="round_trip",
                **options,
            )
    except (EmptyDataError, ParserError, ParserWarning, UnicodeError) as error:
        raise InputError(
            f"expected rows of numbers separated by commas in {path}: {one_line(error)}"
        ) from error


def _holds_names(first: list[str], path: Path) -> bool:
    """Tells whether the first line holds names; refuses names that are not distinct."""
    other = next((sign for sign in ";\t" if len(first) == 1 and sign in first[0]), None)
    if other is not None:
        raise InputError(f"expected commas between the cells of {path}, got {other!r}; replace it")
    if all(is_number(cell) for cell in first):
        if len(first) > 1 and first == [str(number) for number in range(len(first))]:
            raise InputError(
                f"cannot tell whether the first line of {path}, {','.join(first)[:40]}, holds "
                "names or numbers; add a first line of names such as "
                f"{','.join(f'c{number}' for number in range(min(3, len(first))))}"
            )
        return False
    for column, name in enumerate(first):
        if name in ("", "nan") or name in first[:column]:
            raise InputError(
                f"expected a different name for each column in the first line of {path}, got "
                f"{name!r} in column {column}; an index that pandas wrote is left out by "
                "index=False"
            )
    return True
