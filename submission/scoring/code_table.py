"""The codes of every grid point, tied to the model, the data and the settings that made them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from submission.errors import InputError, MissingFileError
from submission.factors import FactorSpace
from submission.files import replacing
from submission.scoring.results import Source

__all__ = ["TOLERANCE", "CodeTable", "load_table", "save_table", "verify_table"]

FORMAT = "code table 2"

TOLERANCE = 0.02
"""How far a code may be from the exported model's, in standard deviations of the widest latent.

Features kept in float16 move codes by some thousandths of that; the neighbouring position of an
axis with 40 values moves a latent that follows it by about .09, another model by about 1.
"""


@dataclass(frozen=True, eq=False)
class CodeTable:
    """The codes of a data set's full grid, and what they came from.

    Attributes:
        codes: (N, C) float32, row i the code of image i.
        space: the data set's factors.
        model_sha256: hash of the model that made the codes.
        data_sha256: hash of the image file.
        config_sha256: hash of the settings.
        data_name: name of the data set.

    Raises:
        ValueError: if the codes are not float32 (N, C) with N the product of the sizes.
    """

    codes: npt.NDArray[np.float32]
    space: FactorSpace
    model_sha256: str
    data_sha256: str
    config_sha256: str
    data_name: str

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.codes.dtype != np.float32:
            raise InputError(
                f"expected float32 codes of shape (N, C), got {self.codes.dtype} of shape "
                f"{self.codes.shape}"
            )
        if len(self.codes) != self.space.num_points:
            raise InputError(
                f"expected {self.space.num_points} codes for factor sizes {self.space.sizes}, "
                f"got {len(self.codes)}; the data set may have other sizes"
            )

    @property
    def source(self) -> Source:
        """The name and hashes that go beside scores."""
        return Source(self.data_name, self.data_sha256, self.model_sha256, self.config_sha256)


def save_table(table: CodeTable, path: Path) -> None:
    """Writes a table as a safetensors file, atomically.

    Raises:
        OSError: if the file cannot be written.
    """
    origin = {
        "factor_names": table.space.names,
        "factor_sizes": table.space.sizes,
        "model_sha256": table.model_sha256,
        "data_sha256": table.data_sha256,
        "config_sha256": table.config_sha256,
        "data_name": table.data_name,
    }
    # One entry alone: the library writes several in a new order each time.
    metadata = {FORMAT: json.dumps(origin)}
    with replacing(path) as beside:
        save_file({"codes": np.ascontiguousarray(table.codes)}, beside, metadata)


def load_table(path: Path) -> CodeTable:
    """Reads a table that `save_table` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is something else, or is cut short.
    """
    if not path.is_file():
        raise MissingFileError(f"expected a table of codes at {path}; train first to make one")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if FORMAT not in metadata:
                raise InputError(
                    f"expected a {FORMAT} in {path}, got another file; train again to make one"
                )
            codes = file.get_tensor("codes")
    except SafetensorError as error:
        raise InputError(
            f"expected a table of codes in {path}, got a broken file ({error}); make it again"
        ) from error
    origin = json.loads(metadata[FORMAT])
    return CodeTable(
        codes=codes,
        space=FactorSpace(tuple(origin["factor_names"]), tuple(origin["factor_sizes"])),
        model_sha256=origin["model_sha256"],
        data_sha256=origin["data_sha256"],
        config_sha256=origin["config_sha256"],
        data_name=origin["data_name"],
    )


def verify_table(
    table: CodeTable,
    represent: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]],
    images: Any,
    expected: Source,
    num_images: int = 256,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> float:
    """Refuses a table that does not belong to a model, its data or its settings.

    Args:
        table: the table.
        represent: the exported model: (n, 64, 64, 3) uint8 images to (n, C) float32 codes.
        images: the data set's N images, anything that an array of indices selects from.
        expected: the name and hashes that the table should have.
        num_images: how many images are encoded again.
        seed: of the choice of images.
        tolerance: largest allowed difference, in standard deviations of the widest latent.

    Returns:
        the largest difference found, in that unit.

    Raises:
        ValueError: naming the hash that differs, or where the codes differ and by how much.
    """
    for name in ("data_name", "data_sha256", "model_sha256", "config_sha256"):
        found, wanted = getattr(table.source, name), getattr(expected, name)
        if found != wanted:
            raise InputError(
                f"expected a table of codes with {name} {wanted}, got {found}; make it again"
            )
    N = table.space.num_points
    if len(images) != N:
        raise InputError(f"expected {N} images, one for each code, got {len(images)}")
    drawn = np.random.RandomState(seed).choice(N, size=min(num_images, N), replace=False)
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
    worst = int(differences.argmax())
    if not differences.max() <= tolerance:
        num_off = int((~(differences <= tolerance)).sum())
        raise InputError(
            f"expected the table's codes to be the exported model's within {tolerance:g} standard "
            f"deviations, got {num_off} of {len(chosen)} images beyond, such as image "
            f"{chosen[worst]} by {differences[worst]:.3g}; make the table again"
        )
    return float(differences.max())
