"""Codes with two factors, and files that hold them."""

from pathlib import Path
from typing import Any

import numpy as np

RANDOM = np.random.default_rng(0)


FACTORS = RANDOM.integers(0, (3, 4), size=(600, 2))


CODES = (FACTORS + 0.1 * RANDOM.normal(size=FACTORS.shape)).astype(np.float32)


def write_npz(folder: Path, codes: Any, factors: Any) -> Path:
    path = folder / "codes.npz"
    np.savez(path, codes=codes, factors=factors)
    return path
