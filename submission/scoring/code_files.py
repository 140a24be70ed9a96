"""Codes and factor values read from files that any framework can write."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from submission.data.archive import ZIP_ERRORS, open_file
from submission.errors import InputError, one_line
from submission.scoring.arrays import Array, FloatArray, IntArray
from submission.scoring.code_columns import codes_of_columns, columns_of_array, factors_of_columns
from submission.scoring.code_csv import read_csv

__all__ = ["LabelledCodes", "read_codes"]

Columns = dict[str, Array]

CODES = "codes"
FACTORS = ("factors", "labels")
NAMES = "factor_names"
PREFIX = "factor:"
SUFFIXES = (".npz", ".npy", ".csv", ".safetensors")

BROKEN = (
    *ZIP_ERRORS,
    ValueError,
    TypeError,
    LookupError,
    MemoryError,
    SyntaxError,
    SafetensorError,
)
"""What NumPy and safetensors raise on a file that is damaged or of another kind."""


@dataclass(frozen=True, eq=False)
class LabelledCodes:
    """Codes, and the factor values that belong to them.

    Attributes:
        codes: (n, C) float32 or float64, all finite.
        factors: (n, F) whole numbers from 0; None if no file has any.
        names: F names of the factors; empty if there are no factors.
    """

    codes: FloatArray
    factors: IntArray | None
    names: tuple[str, ...]


def read_codes(
    path: Path, factors_path: Path | None = None, names: Sequence[str] | None = None
) -> LabelledCodes:
    """Reads codes, and the factors in the same file or in a second one.

    - `.npz` and `.safetensors`: the array `codes`, or the only one. Beside it may lie `factors` or
      `labels`, and in `.npz` their names, `factor_names`.
    - `.npy`: one array.
    - `.csv`: one row a line. Columns named `factor:NAME` are factors, the others latents. In a
      second file all columns are factors.

    Args:
        path: the codes.
        factors_path: the second file.
        names: F names of the factors, in place of those that the files give.

    Raises:
        FileNotFoundError: if a file is missing.
        InputError: if a file is of another kind, damaged, or holds what is no code or no factor,
            with row and column; if the numbers of rows differ; if both files have factors.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "codes.npz")
        ...     np.savez(path, codes=np.ones((5, 2)), labels=np.arange(5))
        ...     read_codes(path).factors.shape
        (5, 1)
    """
    latents, factors, own_names = _read(path)
    place = path
    if factors_path is not None:
        if factors:
            raise InputError(
                f"expected factors in one file, got them in {path} and {factors_path}; leave out "
                "--factors, or save the codes without them"
            )
        place = factors_path
        others, factors, own_names = _read(factors_path)
        factors = factors or others
    if not latents:
        raise InputError(f"expected codes in {path}, got factors only")
    codes = codes_of_columns(latents, str(path))
    if not factors:
        return LabelledCodes(codes, None, ())
    values = factors_of_columns(factors, str(place))
    if len(values) != len(codes):
        turned = "; the codes look transposed" if len(values) == codes.shape[1] else ""
        raise InputError(
            f"expected {len(codes):,} rows of factors, one for each row of codes in {path}, "
            f"got {len(values):,} in {place}{turned}"
        )
    chosen = tuple(names or own_names or (f"factor {n}" if n.isdecimal() else n for n in factors))
    if len(chosen) != values.shape[1] or len(set(chosen)) < len(chosen):
        raise InputError(
            f"expected {values.shape[1]} different names, one for each factor in {place}, "
            f"got {len(chosen)}: {', '.join(chosen)}"
        )
    return LabelledCodes(codes, values, chosen)


def _read(path: Path) -> tuple[Columns, Columns, list[str]]:
    """Reads a file's columns: latents, factors, and names of factors that lie beside them."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"expected a file that ends in {', '.join(SUFFIXES)}, got {path}")
    with open_file(path):
        pass  # a folder, a device or a file that may not be read is refused
    if path.suffix == ".csv":
        columns = read_csv(path)
        labels = {name: columns.pop(name) for name in list(columns) if name.startswith(PREFIX)}
        factors = {name.removeprefix(PREFIX).strip(): labels[name] for name in labels}
        return columns, factors, []
    try:
        arrays = _arrays(path)
    except BROKEN as error:
        raise InputError(
            f"expected arrays of numbers in {path}, which is never unpickled: {one_line(error)}"
        ) from error
    here = [name for name in FACTORS if name in arrays]
    if len(here) > 1:
        raise InputError(f"expected one of {' and '.join(here)} in {path}, got both; drop one")
    rest = [name for name in arrays if name not in (*FACTORS, NAMES)]
    chosen = [CODES] if CODES in rest else rest
    if len(chosen) > 1 or not (chosen or here):
        raise InputError(
            f"expected an array named {CODES}, {' or '.join(FACTORS)} in {path}, "
            f"got {', '.join(sorted(arrays)) or 'none'}; save it under one of these names"
        )
    return (
        columns_of_array(arrays[chosen[0]], f"{chosen[0]} in {path}") if chosen else {},
        columns_of_array(arrays[here[0]], f"{here[0]} in {path}") if here else {},
        [str(name) for name in arrays.get(NAMES, np.empty(0)).reshape(-1)],
    )


def _arrays(path: Path) -> dict[str, Array]:
    """Reads all arrays of a file; that of an `.npy` file is called codes."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    with open_file(path) as file:
        content = np.load(file, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return {CODES: content}
        with content:
            return {name: content[name] for name in content.files}
