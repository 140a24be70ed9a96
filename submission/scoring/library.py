"""disentanglement_lib, imported late, once and without noise."""

import functools
import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import ModuleType
from typing import Any, NamedTuple

import gin
import numpy as np
import numpy.typing as npt

__all__ = ["Library", "binned", "library", "versions"]

_METRICS = "disentanglement_lib.evaluation.metrics."


class Library(NamedTuple):
    """The library's modules that score.

    Its functions are registered in gin's global settings; they are called here through
    `__wrapped__` where they are, so that scoring neither reads nor records anything there.
    """

    factor_vae: Any
    dci: Any
    sap: Any
    irs: Any
    mig: Any
    utils: Any


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides gin's complaints about the library, and the library's old syntax."""

    def keep(record: logging.LogRecord) -> bool:
        return "blacklist is deprecated" not in record.getMessage()

    root = logging.getLogger()
    # Without any handler, the first message to the root logger would install one for good.
    handler = logging.NullHandler()
    root.addHandler(handler)
    root.addFilter(keep)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeFilter(keep)
        root.removeHandler(handler)


@contextmanager
def _without_tensorflow() -> Iterator[None]:
    """Lets the library's metrics say `import gin.tf` without importing TensorFlow.

    They use that line only to get `gin`. So an empty module stands in for `gin.tf` while they are
    imported, unless the real one is loaded already. Whoever imports `gin.tf` later gets the real
    one.
    """
    if "gin.tf" in sys.modules:
        yield
        return
    sys.modules["gin.tf"] = ModuleType("gin.tf")
    try:
        yield
    finally:
        del sys.modules["gin.tf"]


@functools.cache
def library() -> Library:
    """Imports the library's metrics, without TensorFlow.

    Settings that were locked in gin stay locked, and none is changed.
    """
    with _quiet(), gin.unlock_config(), _without_tensorflow():
        return Library(
            factor_vae=importlib.import_module(_METRICS + "factor_vae"),
            dci=importlib.import_module(_METRICS + "dci"),
            sap=importlib.import_module(_METRICS + "sap_score"),
            irs=importlib.import_module(_METRICS + "irs"),
            mig=importlib.import_module(_METRICS + "mig"),
            utils=importlib.import_module(_METRICS + "utils"),
        )


def binned(rows: npt.NDArray[np.generic], num_bins: int) -> npt.NDArray[np.generic]:
    """Numbers each row's values by equal-width bins, from 1, with the library's function.

    Args:
        rows: (C, n) codes or (F, n) factors.
        num_bins: bins between a row's smallest and largest value.
    """
    bins: npt.NDArray[np.generic] = library().utils._histogram_discretize.__wrapped__(
        rows, num_bins
    )
    return bins


def versions() -> dict[str, str]:
    """Names the versions of the packages on which DCI, SAP and MIG depend a little."""
    packages = ("disentanglement-lib", "numpy", "scikit-learn", "scipy")
    return {package: version(package) for package in packages}
