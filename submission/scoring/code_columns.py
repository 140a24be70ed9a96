"""Columns of numbers or text that become codes and factor values, each fault named by its place."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from submission.errors import InputError
from submission.scoring.arrays import Array, FloatArray, IntArray
from submission.scoring.checks import check_magnitude

__all__ = ["Columns", "codes_of_columns", "columns_of_array", "factors_of_columns", "is_number"]


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of a file, by name.

    Attributes:
        arrays: (n,) of numbers or text each.
        cell: says where the user finds a cell, by its row from 0 and the name of its column.
    """

    arrays: Mapping[str, Array]
    cell: Callable[[int, str], str]


def columns_of_array(values: Array, place: str) -> Columns:
    """Splits an array into its columns, which are named "0", "1" and so on.

    Args:
        values: (n, K), or (n,) for a single column.
        place: names the array in messages.

    Raises:
        InputError: for another shape, or a type other than numbers and text.

    Example:
        >>> columns = columns_of_array(np.array([[1, 2], [3, 4]]), "codes")
        >>> columns.arrays, columns.cell(0, "1")
        ({'0': array([1, 3]), '1': array([2, 4])}, 'row 0, column 1 of codes (counted from 0)')
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
    return Columns(
        {str(number): column for number, column in enumerate(values.T)},
        lambda row, column: f"row {row}, column {column} of {place} (counted from 0)",
    )


def codes_of_columns(columns: Columns) -> FloatArray:
    """Joins columns to codes (n, C).

    Codes stay float32 or float64. Smaller floats become float32, whole numbers float64.

    Args:
        columns: at least one.

    Raises:
        InputError: naming the place of the first text, NaN, infinite or huge number.

    Example:
        >>> codes_of_columns(columns_of_array(np.array([[1, 0], [2, 5]]), "codes")).dtype
        dtype('float64')
    """
    numbers = [_numbers(columns, name) for name in columns.arrays]
    codes: FloatArray = np.stack(numbers, axis=1)
    if codes.dtype not in (np.float32, np.float64):
        codes = codes.astype(np.float32 if codes.dtype == np.float16 else np.float64)
    names = list(columns.arrays)
    check_magnitude(codes, names, lambda row, column: columns.cell(row, names[column]))
    return codes


def factors_of_columns(columns: Columns) -> IntArray:
    """Joins columns to factor values (n, F).

    Numbers stay as they are. The values of a column of text are numbered in alphabetical order.

    Args:
        columns: at least one.

    Raises:
        InputError: naming the place of the first value that is negative or not whole, and of the
            first text in a column of numbers.

    Example:
        >>> factors_of_columns(columns_of_array(np.array(["red", "blue"]), "factors"))
        array([[1],
               [0]])
    """
    values = []
    for name, column in columns.arrays.items():
        if _is_text(column) and not any(is_number(cell) for cell in column):
            values.append(np.unique(column.astype(str), return_inverse=True)[1].reshape(-1))
            continue
        numbers = _numbers(columns, name)
        exact = numbers.astype(np.float64)
        bad = ~((exact >= 0) & (exact == np.floor(exact)) & (exact < 2**53))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(
                f"expected factor values 0, 1, 2, ..., got {numbers[row]} in "
                f"{columns.cell(row, name)}; number the values, such as with "
                "np.unique(values, return_inverse=True), and leave out rows without a label"
            )
        values.append(numbers.astype(np.int64))
    return np.stack(values, axis=1)


def _numbers(columns: Columns, name: str) -> Array:
    """Reads a column of text as numbers; columns of numbers stay as they are."""
    column = columns.arrays[name]
    if not _is_text(column):
        return column
    for row, cell in enumerate(column):
        if not is_number(cell):
            raise InputError(
                f"expected a number, got {_text(cell)[:40]!r} in {columns.cell(row, name)}; "
                f"{_mend(_text(cell))}"
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


def _mend(cell: str) -> str:
    """Says what to do about text in place of a number."""
    if re.fullmatch(r"[-+\d.]*,[\d.,]*", cell):
        return "write the number with a point, and without commas"
    if all(map(is_number, re.split(r"[;\s]+", cell))):
        return "put commas between the cells"
    return "correct the cell, or leave the row out"
