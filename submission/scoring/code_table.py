"""The codes of every grid point, tied to the model, the data and the settings that made them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from submission.data.archive import open_file
from submission.errors import InputError, MissingFileError, one_line
from submission.factors import FactorSpace
from submission.files import replacing
from submission.scoring.arrays import Array, Bytes, Singles
from submission.scoring.results import Source

__all__ = [
    "TOLERANCE",
    "WAY_OUT",
    "CodeDifference",
    "CodeTable",
    "load_table",
    "save_table",
    "verify_table",
]

FORMAT = "code table 2"

DIGEST = "codes_sha256"

BROKEN = (SafetensorError, ValueError, TypeError, LookupError, AttributeError)
"""What reading raises on a file that is damaged or of another kind."""

WAY_OUT = "encode the images again: python3 local_evaluation.py --encode"
"""What to do about a table that cannot be used."""

TOLERANCE = 0.02
"""Largest 95 % quantile of the distance between a code and the exported model's.

The unit is the standard deviation of the widest latent. Features in 16 bits move codes by some
thousandths. The next position of an axis with 40 values moves a latent that follows the axis by
about 0.09, another model moves codes by about 1.
"""

NUM_COMPARED = 256
"""How many images are encoded again to compare codes."""


@dataclass(frozen=True)
class CodeDifference:
    """How far codes are from the exported model's, in standard deviations of the widest latent.

    Attributes:
        quantile_95: 95 % of the compared images differ by at most this, in every latent.
        largest: the largest difference of all.
    """

    quantile_95: float = 0.0
    largest: float = 0.0


@dataclass(frozen=True, eq=False)
class CodeTable:
    """The codes of a data set's full grid, and what they came from.

    Attributes:
        codes: (N, C) float32, row i the code of image i.
        space: the data set's factors.
        source: the data set, the model and the settings.

    Raises:
        InputError: if the codes are not float32 (N, C) with N the product of the sizes.
    """

    codes: Singles
    space: FactorSpace
    source: Source

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.codes.dtype != np.float32:
            raise InputError(
                f"expected float32 codes of shape (N, C), got {self.codes.dtype} of shape "
                f"{self.codes.shape}"
            )
        if len(self.codes) != self.space.num_points:
            raise InputError(
                f"expected {self.space.num_points} codes for factor sizes {self.space.sizes}, "
                f"got {len(self.codes)}; correct the sizes, or score codes of some of the images "
                "with submission.scoring.score_samples"
            )


def save_table(table: CodeTable, path: Path) -> None:
    """Writes a table as a safetensors file with a hash of the codes, atomically.

    Raises:
        OutputError: if the file cannot be written.
    """
    codes = np.ascontiguousarray(table.codes)
    origin = {
        "factor_names": table.space.names,
        "factor_sizes": table.space.sizes,
        **asdict(table.source),
        DIGEST: _digest(codes),
    }
    # One entry alone: the library writes several in a new order each time.
    metadata = {FORMAT: json.dumps(origin)}
    content = save({"codes": codes}, metadata)
    with replacing(path, len(content)) as beside:
        beside.write_bytes(content)


def load_table(path: Path) -> CodeTable:
    """Reads a table that `save_table` wrote.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if the file is something else, or damaged.

    Example:
        >>> import tempfile
        >>> space, source = FactorSpace(("shape",), (2,)), Source("toy", "", "", "")
        >>> table = CodeTable(np.array([[0.0], [1.5]], np.float32), space, source)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_table(table, Path(folder, "codes.safetensors"))
        ...     load_table(Path(folder, "codes.safetensors")).codes.tolist()
        [[0.0], [1.5]]
    """
    if not path.is_file():
        raise MissingFileError(f"expected a table of codes at {path}; train first to make one")
    with open_file(path):
        pass  # safetensors reports a file that may not be read as missing
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if FORMAT not in metadata:
                raise ValueError("another file")
            codes = file.get_tensor("codes")
        return _table_of(codes, json.loads(metadata[FORMAT]))
    except BROKEN as error:
        raise InputError(
            f"expected a {FORMAT} in {path}, got {one_line(error)}; {WAY_OUT}"
        ) from error


def _table_of(codes: Array, origin: dict[str, Any]) -> CodeTable:
    """Makes a table of what its file holds. Files of earlier versions have no hash of the codes."""
    if origin.pop(DIGEST, None) not in (None, _digest(codes)):
        raise ValueError("other codes than were written")
    space = FactorSpace(tuple(origin.pop("factor_names")), tuple(origin.pop("factor_sizes")))
    return CodeTable(codes, space, Source(**origin))


def _digest(codes: Array) -> str:
    return hashlib.sha256(codes.data).hexdigest()


def verify_table(
    table: CodeTable,
    represent: Callable[[Bytes], Singles],
    images: Any,
    expected: Source,
) -> CodeDifference:
    """Refuses a table that does not belong to a model, its data or its settings.

    Args:
        table: the table.
        represent: the exported model: (n, 64, 64, 3) uint8 images to (n, C) float32 codes.
        images: the data set's N images, anything that an array of indices selects from.
        expected: the name and hashes that the table should have.

    Returns:
        The differences on 256 images.

    Raises:
        InputError: naming the hash that differs, or by how much the codes differ.

    Example:
        >>> images = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1)
        >>> represent = lambda pixels: pixels[:, 0, 0].astype(np.float32)
        >>> source = Source("toy", "", "", "")
        >>> table = CodeTable(represent(images), FactorSpace(("shape",), (3,)), source)
        >>> verify_table(table, represent, images, source)
        CodeDifference(quantile_95=0.0, largest=0.0)
    """
    for name, wanted in asdict(expected).items():
        if (found := getattr(table.source, name)) != wanted:
            raise InputError(
                f"expected a table of codes with {name} {wanted}, got {found}; {WAY_OUT}"
            )
    N = table.space.num_points
    if len(images) != N:
        raise InputError(f"expected {N} images, one for each code, got {len(images)}")
    drawn = np.random.RandomState(0).choice(N, size=min(NUM_COMPARED, N), replace=False)
    chosen = np.sort(drawn)
    again = represent(images[chosen])  # (n, C)
    if again.shape != (len(chosen), table.codes.shape[1]):
        raise InputError(
            f"expected codes of shape {(len(chosen), table.codes.shape[1])} from the exported "
            f"model, got {again.shape}; the table is of another model"
        )
    # The widest latent sets the unit: one that the model does not use has no scale of its own.
    unit = max(float(table.codes.std(axis=0, dtype=np.float64).max()), 1e-6)
    differences = np.abs(again.astype(np.float64) - table.codes[chosen]).max(axis=1) / unit
    found = CodeDifference(float(np.quantile(differences, 0.95)), float(differences.max()))
    if not found.quantile_95 <= TOLERANCE:
        worst = int(differences.argmax())
        raise InputError(
            f"expected 95 % of the table's codes within {TOLERANCE:g} standard deviations of the "
            f"exported model's, got {found.quantile_95:.3g}, and {found.largest:.3g} for image "
            f"{chosen[worst]} (16-bit features can do this to a short training); {WAY_OUT}"
        )
    return found
