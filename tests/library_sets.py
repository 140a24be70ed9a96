"""Small files in the formats of the library's sets."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from submission.data.library.sets import LIBRARY_SETS, LibrarySet
from submission.factors import FactorSpace

KNOWN = LIBRARY_SETS


def library_loaders() -> Any:
    """Imports the library's loaders; importing TensorFlow warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from disentanglement_lib.data.ground_truth import dsprites, named_data, shapes3d
    return {"dsprites": dsprites, "shapes3d": shapes3d, "named_data": named_data}


def small(name: str, sizes: tuple[int, ...]) -> LibrarySet:
    known = KNOWN[name]
    return replace(known, space=FactorSpace(known.space.names, sizes))


def html(path: Path) -> None:
    path.write_text("<html><body>404 Not Found</body></html>" * 20)
