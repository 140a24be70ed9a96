"""The Python that runs a program: one that has the packages of requirements.lock.

Nothing but the standard library is imported here, since this runs before anything else.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["ensure_packages"]

OWN_PYTHON = Path(__file__).resolve().parents[1] / ".venv/bin/python"
NEEDED = ("click", "gin", "numpy", "torch", "tqdm")
"""Modules that every Python with the locked packages has, and seldom another Python."""


def ensure_packages() -> None:
    """Starts the program again with the Python of `.venv` when this one lacks the packages.

    Where `.venv` does not help, the process ends with one line that says what to do.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if not missing:
        return
    if OWN_PYTHON.is_file() and sys.executable != str(OWN_PYTHON):
        os.execv(OWN_PYTHON, [str(OWN_PYTHON), *sys.orig_argv[1:]])  # noqa: S606
    sys.exit(
        f"error: expected the packages of requirements.lock, but {sys.executable} has no "
        f"{', '.join(missing)}; ./run.sh installs them into .venv, which this program then uses"
    )
