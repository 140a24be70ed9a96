"""Columns of numbers or text that become codes and factor values, each fault named by its place."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from submission.errors import InputError
from submission.scoring.arrays import Array, FloatArray, IntArray
from submission.scoring.checks import check_magnitude

__all__ = ["codes_of_columns", "columns_of_array", "factors_of_columns", "is_number"]

Columns = Mapping[str, Array]
"""Arrays (n,) of numbers or text, by name."""


def columns_of_array(values: Array, place: str) -> dict[str, Array]:
    """Splits an array into its columns, which are named "0", "1" and so on.

    Args:
        values: (n, K), or (n,) for a single column.
        place: names the array in messages.

    Raises:
        InputError: for another shape, or a type other than numbers and text.

    Example:
        >>> columns_of_array(np.array([[1, 2], [3, 4]]), "codes")
        {'0': array([1, 3]), '1': array([2, 4])}
    """
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(
            f"expected rows and columns in {place}, got shape {values.shape}; reshape it to "
            "(number of images, number of columns)"
        )
    if values.dtype.kind not in "biufUS":
        raise InputError(f"expected numbers in {place}, got {values.dtype}; convert them")
    return {str(number): column for number, column in enumerate(values.T)}


def codes_of_columns(columns: Columns, place: str) -> FloatArray:
    """Joins columns to codes (n, C).

    Codes stay float32 or float64. Smaller floats become float32, whole numbers float64.

    Args:
        columns: at least one.
        place: names the file in messages.

    Raises:
        InputError: naming the row and column of the first text, empty cell, NaN, infinite or huge
            number.

    Example:
        >>> codes_of_columns({"z0": np.array([1, 2]), "z1": np.array([0, 5])}, "codes.csv").dtype
        dtype('float64')
    """
    numbers = [_numbers(column, name, place) for name, column in columns.items()]
    codes: FloatArray = np.stack(numbers, axis=1)
    if codes.dtype not in (np.float32, np.float64):
        codes = codes.astype(np.float32 if codes.dtype == np.float16 else np.float64)
    check_magnitude(codes, place, list(columns))
    return codes


def factors_of_columns(columns: Columns, place: str) -> IntArray:
    """Joins columns to factor values (n, F).

    Numbers stay as they are. The values of a column of text are numbered in alphabetical order.

    Args:
        columns: at least one.
        place: names the file in messages.

    Raises:
        InputError: naming the row and column of the first value that is missing, negative or not
            whole, and of the first text in a column of numbers.

    Example:
        >>> factors_of_columns({"colour": np.array(["red", "blue"])}, "factors.csv")
        array([[1],
               [0]])
    """
    values = []
    for name, column in columns.items():
        if _is_text(column) and not any(is_number(cell) for cell in column):
            values.append(np.unique(column.astype(str), return_inverse=True)[1].reshape(-1))
            continue
        numbers = _numbers(column, name, place)
        exact = numbers.astype(np.float64)
        bad = ~((exact >= 0) & (exact == np.floor(exact)) & (exact < 2**53))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(
                f"expected factor values 0, 1, 2, ..., got {numbers[row]} "
                f"{_place(place, row, name)}; number the values, such as with "
                "np.unique(values, return_inverse=True), and leave out rows without a label"
            )
        values.append(numbers.astype(np.int64))
    return np.stack(values, axis=1)


def _numbers(column: Array, name: str, place: str) -> Array:
    """Reads a column of text as numbers; columns of numbers stay as they are."""
    if not _is_text(column):
        return column
    for row, cell in enumerate(column):
        if not is_number(cell):
            raise InputError(
                f"expected a number, got {_shown(cell)} {_place(place, row, name)}; "
                "correct the cell, or leave the row out"
            )
    return column.astype(np.float64)


def _is_text(column: Array) -> bool:
    return column.dtype.kind in "OUS"


def is_number(cell: Any) -> bool:
    """Tells whether a cell is a number, NaN and infinity included, or empty.

    Python reads 1_1 as 11; here it is text.

    Example:
        >>> [is_number(cell) for cell in ("0.5", "nan", "red", "1_1")]
        [True, True, False, False]
    """
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in _text(cell)


def _text(cell: Any) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _shown(cell: Any) -> str:
    return repr(_text(cell)[:40])


def _place(place: str, row: int, column: str) -> str:
    """Names a cell; rows are counted from 0, without the line of names."""
    return f"in row {row}, column {column} of {place} (rows counted from 0)"
