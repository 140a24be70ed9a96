"""Types of arrays, named once."""

from typing import Any

import numpy as np
import numpy.typing as npt

from submission.factors import IntArray

__all__ = ["Array", "BoolArray", "Bytes", "FloatArray", "Floats", "IntArray", "Samples", "Singles"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]
Singles = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Samples = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
