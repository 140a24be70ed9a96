"""Codes and factor values read from files that any framework can write."""

import tokenize
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from submission.data.archive import ZIP_ERRORS, open_file
from submission.data.image_set import FileState
from submission.errors import InputError, MissingFileError, one_line
from submission.files import sha256_of
from submission.scoring.arrays import Array, FloatArray, IntArray
from submission.scoring.code_columns import (
    Columns,
    codes_of_columns,
    columns_of_array,
    factors_of_columns,
)
from submission.scoring.code_csv import read_csv

__all__ = ["LabelledCodes", "read_codes"]

CODES = "codes"
FACTORS = ("factors", "labels")
NAMES = "factor_names"
PREFIX = "factor:"
SUFFIXES = (".npz", ".npy", ".csv", ".safetensors")
NPY_MAGIC = b"\x93NUMPY"
ZIP_MAGIC = b"PK"

BROKEN = (
    *ZIP_ERRORS,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    MemoryError,
    SyntaxError,
    OSError,
    tokenize.TokenError,
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
        sha256: hash of the file with the codes.
    """

    codes: FloatArray
    factors: IntArray | None
    names: tuple[str, ...]
    sha256: str


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
            with row and column; if the numbers of rows differ; if both files have factors; if the
            codes change while they are read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "codes.npz")
        ...     np.savez(path, codes=np.ones((5, 2)), labels=np.arange(5))
        ...     read_codes(path).factors.shape
        (5, 1)
    """
    for file in (path, factors_path):
        if file is not None and not file.exists():
            raise MissingFileError(f"expected a file at {file}, got none; check its name")
    latents, factors, own_names, digest = _read_and_hash(path)
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
        raise InputError(
            f"expected codes in {path}, got factors only; give the factors with --factors"
        )
    codes = codes_of_columns(latents)
    if not factors:
        return LabelledCodes(codes, None, (), digest)
    values = factors_of_columns(factors)
    if len(values) != len(codes):
        turned = len(values) == codes.shape[1]
        way_out = (
            "the codes look transposed; save codes.T" if turned else "save a row for each image"
        )
        raise InputError(
            f"expected {len(codes):,} rows of factors, one for each row of codes in {path}, "
            f"got {len(values):,} in {place}; {way_out}"
        )
    if len(codes) == 1:
        raise InputError(
            f"expected a row of codes for each of many images in {path}, got one row; "
            "save the codes of all images in one file"
        )
    if codes.shape[1] > len(codes) and values.shape[1] > len(codes):
        raise InputError(
            f"expected a row for each image in {path}, got {len(codes):,} rows of "
            f"{codes.shape[1]:,} codes and {values.shape[1]:,} factors; codes and factors look "
            "transposed; save codes.T and factors.T"
        )
    chosen = _names_of(list(factors.arrays), names or own_names, place)
    return LabelledCodes(codes, values, chosen, digest)


def _names_of(columns: Sequence[str], chosen: Sequence[str], place: Path) -> tuple[str, ...]:
    """Names the factors of a file: as chosen, else after their columns."""
    names = tuple(chosen or (f"factor {name}" if name.isdecimal() else name for name in columns))
    if len(names) != len(columns):
        raise InputError(
            f"expected {len(columns)} names, one for each factor in {place}, "
            f"got {len(names)}: {', '.join(names)}"
        )
    if twice := [name for name, number in Counter(names).items() if number > 1]:
        raise InputError(
            f"expected a different name for each factor in {place}, got {twice[0]} more than once "
            f"in {', '.join(names)}; rename one"
        )
    return names


def _read_and_hash(path: Path) -> tuple[Columns | None, Columns | None, list[str], str]:
    """Reads as `_read` does, and hashes the same bytes."""
    opened = FileState.of(path)
    columns = _read(path)
    digest = sha256_of(path)
    if FileState.of(path) != opened:
        raise InputError(f"{path} changed while it was read; wait until it is whole")
    return *columns, digest


def _read(path: Path) -> tuple[Columns | None, Columns | None, list[str]]:
    """Reads a file's columns: latents, factors, and names of factors that lie beside them."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"expected a file that ends in {', '.join(SUFFIXES)}, got {path}")
    with open_file(path):
        pass  # a folder, a device or a file that may not be read is refused
    if path.suffix == ".csv":
        return *_apart(read_csv(path), path), []
    try:
        with _arrays(path) as (names, read):
            latents, here = _chosen(names, path)
            return (
                columns_of_array(read(latents), f"{latents} in {path}") if latents else None,
                columns_of_array(read(here), f"{here} in {path}") if here else None,
                read(NAMES).reshape(-1).astype(str).tolist() if NAMES in names else [],
            )
    except InputError:
        raise
    except BROKEN as error:
        raise InputError(
            f"expected arrays of numbers in {path}, which is never unpickled: {one_line(error)}"
        ) from error


def _apart(columns: Columns, path: Path) -> tuple[Columns | None, Columns | None]:
    """Splits a `.csv` file's columns into latents and factors, whose names lose the prefix."""
    label_of: dict[str, str] = {}
    for label in columns.arrays:
        if label.startswith(PREFIX):
            name = label.removeprefix(PREFIX).strip()
            if not name or name in label_of:
                raise InputError(
                    f"expected a different name for each factor in the first line of {path}, got "
                    f"{label!r}; rename it to {PREFIX}NAME"
                )
            label_of[name] = label
    labels = set(label_of.values())
    latents = {name: array for name, array in columns.arrays.items() if name not in labels}
    factors = {name: columns.arrays[label] for name, label in label_of.items()}
    return (
        Columns(latents, columns.cell) if latents else None,
        Columns(factors, lambda row, name: columns.cell(row, label_of[name])) if factors else None,
    )


def _chosen(names: Sequence[str], path: Path) -> tuple[str, str]:
    """Names the array of codes and that of factors out of all; empty for one that is not there."""
    here = [name for name in FACTORS if name in names]
    if len(here) > 1:
        raise InputError(f"expected one of {' and '.join(here)} in {path}, got both; drop one")
    rest = [name for name in names if name not in (*FACTORS, NAMES)]
    chosen = [name for name in rest if name == CODES] or rest
    if len(chosen) > 1 or not (chosen or here) or len(set(names)) < len(names):
        raise InputError(
            f"expected an array named {CODES}, {' or '.join(FACTORS)} in {path}, each once, "
            f"got {', '.join(sorted(names)) or 'none'}; save it under one of these names"
        )
    return "".join(chosen), "".join(here)


@contextmanager
def _arrays(path: Path) -> Iterator[tuple[list[str], Callable[[str], Array]]]:
    """Opens a file; yields its arrays' names, and what reads one. An `.npy` file's is codes."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="numpy") as file:
            yield list(file.keys()), file.get_tensor
        return
    with open_file(path) as file:
        if not file.read(len(NPY_MAGIC)).startswith((ZIP_MAGIC, NPY_MAGIC)):
            raise InputError(
                f"expected a file of numpy.save or numpy.savez at {path}, got other content; "
                "save the codes with one of them"
            )
        file.seek(0)
        content = np.load(file, allow_pickle=False)
        if isinstance(content, np.ndarray):
            yield [CODES], lambda _: content
            return
        with content:
            yield content.files, content.__getitem__
