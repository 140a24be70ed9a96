"""Columns of a `.csv` file, with or without a first line of names."""

import csv
import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from submission.errors import InputError, one_line
from submission.scoring.code_columns import Columns, is_number

__all__ = ["read_csv"]

Cells = list[str]


def read_csv(path: Path) -> Columns:
    """Reads a `.csv` file's columns by name.

    A first line with a cell that is no number holds the names. Without it, the columns are named
    "0", "1" and so on. Faults are named by the line and the column that an editor shows.

    Args:
        path: the file, in UTF-8, separated by commas.

    Returns:
        arrays (n,) of numbers, or of text where a cell is no number.

    Raises:
        InputError: if a cell is empty, lines have different numbers of cells, a column has no name,
            or it cannot be told whether the first line holds names.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "codes.csv")
        ...     np.savetxt(path, [[0.5, 2]], "%g", delimiter=",", header="z0,z1", comments="")
        ...     read_csv(path).arrays
        {'z0': array([0.5]), 'z1': array([2])}
    """
    _check_text(path)
    _, first = next(_lines(path), (0, []))
    if not first:
        raise InputError(f"expected rows of numbers in {path}, got no line; save the codes again")
    names = _names(first, path)
    frame = _frame(path, names)
    if frame.isna().to_numpy().any() and (fault := _fault(path, names)):
        raise InputError(fault)
    if not len(frame):
        raise InputError(f"expected rows of numbers in {path}, got names only; add the codes")
    labels = names or [str(number) for number in range(frame.shape[1])]
    arrays = {
        name: np.asarray(frame.iloc[:, column].to_numpy()) for column, name in enumerate(labels)
    }

    def cell(row: int, name: str) -> str:
        data = itertools.islice(_lines(path), row + bool(names), None)
        line, _ = next(data, (0, []))
        return f"{_place(line, labels.index(name), names)} of {path}"

    return Columns(arrays, cell)


def _check_text(path: Path) -> None:
    """Refuses what is not text in UTF-8."""
    content = path.read_bytes()
    if b"\0" in content:  # pandas would end the cell there
        raise InputError(f"expected text in UTF-8 in {path}, got a zero byte; save it as UTF-8")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"expected text in UTF-8 in {path}, got the byte {content[error.start]:#04x} in line "
            f"{line}; save it as UTF-8"
        ) from error


def _lines(path: Path) -> Iterator[tuple[int, Cells]]:
    """Yields each line that is not blank: its number from 1, and its cells.

    A cell in quotation marks may go on over several lines; the number is that of the first.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, skipinitialspace=True, strict=True)
        number = 1
        try:
            for cells in reader:
                if len(cells) > 1 or "".join(cells).strip():
                    yield number, [cell.strip() for cell in cells]
                number = reader.line_num + 1
        except csv.Error as error:
            raise InputError(
                f"expected quotation marks around whole cells in {path}, got one too many or too "
                f"few in line {number}; correct the line"
            ) from error


def _names(first: Cells, path: Path) -> Cells:
    """Gives the names in the first line, none if it holds numbers; refuses unclear ones."""
    other = next((sign for sign in ";\t" if len(first) == 1 and sign in first[0]), None)
    if other is not None:
        raise InputError(
            f"expected commas between the cells of {path}, got {other!r}; save it with commas, and "
            "with a point in numbers"
        )
    if all(is_number(cell) or not cell for cell in first):
        if len(first) > 1 and first == [str(number) for number in range(len(first))]:
            raise InputError(
                f"cannot tell whether the first line of {path}, {','.join(first)[:40]}, holds "
                "names or numbers; add a first line of names such as "
                f"{','.join(f'c{number}' for number in range(min(3, len(first))))}"
            )
        return []
    first = [first[0].removeprefix("#").strip(), *first[1:]]  # np.savetxt's mark of names
    for column, name in enumerate(first, 1):
        if not name:
            way_out = "name it"
            if column == 1:
                way_out += "; an index that pandas wrote is left out by index=False"
            elif column == len(first):
                way_out += ", or delete the comma at the end of each line"
            raise InputError(
                f"expected a name for each column in the first line of {path}, got none for column "
                f"{column}; {way_out}"
            )
        if name in first[: column - 1]:
            raise InputError(
                f"expected a different name for each column in the first line of {path}, got "
                f"{name!r} in columns {first.index(name) + 1} and {column}; rename one"
            )
    return first


def _frame(path: Path, names: Cells) -> Any:
    """Reads a data frame; refuses what pandas would guess at."""
    # Imported here, because pandas is slow to import.
    import pandas
    from pandas.errors import ParserError, ParserWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ParserWarning)
            return pandas.read_csv(
                path,
                header=0 if names else None,
                index_col=False,
                keep_default_na=False,
                na_values=[""],
                skipinitialspace=True,
                low_memory=False,
                float_precision="round_trip",
            )
    except (ParserError, ParserWarning) as error:
        fault = _fault(path, names)
        raise InputError(
            fault or f"expected rows of numbers separated by commas in {path}: {one_line(error)}"
        ) from error


def _fault(path: Path, names: Cells) -> str:
    """Describes the first line of another length than the first, or the first empty cell."""
    num_columns = 0
    for line, cells in _lines(path):
        num_columns = num_columns or len(cells)
        if len(cells) != num_columns:
            return (
                f"expected as many cells in each line of {path} as in the first, {num_columns}, "
                f"got {len(cells)} in line {line}; {_mend(cells, num_columns)}"
            )
        if "" in cells:
            return (
                f"expected a value in each cell of {path}, got none: "
                f"{_place(line, cells.index(''), names)} is empty; fill it in, or leave the line "
                "out"
            )
    return ""


def _mend(cells: Cells, num_columns: int) -> str:
    """Says what to do about a line with more or fewer cells than the first."""
    if num_columns == 1:
        return "begin the file with the names of the columns, or with numbers"
    if len(cells) == num_columns + 1 and not cells[-1]:
        return "delete the comma at its end"
    if len(cells) > num_columns:
        return "write numbers with a point, not a comma, or leave the line out"
    return "put commas between the cells, and a value in each, or leave the line out"


def _place(line: int, column: int, names: Cells) -> str:
    """Names a cell as an editor shows it: "line 8, column 3 (z1)"."""
    return f"line {line}, column {column + 1}" + (f" ({names[column]})" if names else "")
