"""disentanglement_lib, imported late, once and without noise."""

import functools
import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import ModuleType, SimpleNamespace

import gin
import numpy as np
import numpy.typing as npt

__all__ = ["binned", "library", "versions"]

METRICS = "disentanglement_lib.evaluation.metrics."


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides gin's complaints about the library, and the library's old syntax."""
    # Without any handler, the first message to the root logger would install one for good.
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    hidden = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(hidden)
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
def library() -> SimpleNamespace:
    """Imports the library's modules that score, without TensorFlow.

    Their functions are registered in gin's global settings; they are called through
    `__wrapped__` where they are, so that scoring neither reads nor records anything there.
    Settings that were locked in gin stay locked, and none is changed.

    Example:
        >>> library().utils.discrete_entropy(np.array([[0, 1, 0, 1]])).round(3)  # log 2
        array([0.693])
    """
    names = ("factor_vae", "dci", "sap_score", "irs", "mig", "utils")
    with _quiet(), gin.unlock_config(), _without_tensorflow():
        modules = {name: importlib.import_module(METRICS + name) for name in names}
    return SimpleNamespace(**modules)


def binned(rows: npt.NDArray[np.generic], num_bins: int) -> npt.NDArray[np.generic]:
    """Numbers each row's values by equal-width bins, from 1, with the library's function.

    Args:
        rows: (C, n) codes or (F, n) factors.
        num_bins: bins between a row's smallest and largest value.

    Example:
        >>> binned(np.array([[0.0, 0.4, 0.6, 1.0]]), 2).tolist()
        [[1.0, 1.0, 2.0, 2.0]]
    """
    bins: npt.NDArray[np.generic] = library().utils._histogram_discretize.__wrapped__(
        rows, num_bins
    )
    return bins


def versions() -> dict[str, str]:
    """Names the versions of the packages on which DCI, SAP and MIG depend a little.

    Example:
        >>> list(versions())
        ['disentanglement-lib', 'numpy', 'scikit-learn', 'scipy']
    """
    packages = ("disentanglement-lib", "numpy", "scikit-learn", "scipy")
    return {package: version(package) for package in packages}
