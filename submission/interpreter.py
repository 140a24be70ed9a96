"""The Python that runs a program: one that has the packages of requirements.lock.

Nothing but the standard library is imported here, since this runs before anything else. It has to
run in Python 3.6, too.
"""

import os
import platform
import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["ensure_packages"]

OWN_PYTHON = Path(__file__).resolve().parents[1] / ".venv/bin/python"
OLDEST = (3, 11)
NEEDED = ("click", "gin", "numpy", "torch", "tqdm")
"""Modules that every Python with the locked packages has, and seldom another Python."""


def ensure_packages() -> None:
    """Starts the program again with the Python of `.venv` when this one is old or lacks packages.

    Where `.venv` does not help, the process ends with one line that says what to do.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if not missing and sys.version_info >= OLDEST:
        return
    if OWN_PYTHON.is_file() and sys.executable != str(OWN_PYTHON):
        words = getattr(sys, "orig_argv", [])[1:]  # of the command; Python 3.10 and later know it
        spec = sys.modules["__main__"].__spec__
        words = words or [*(["-m", spec.parent] if spec else sys.argv[:1]), *sys.argv[1:]]
        os.execv(OWN_PYTHON, [str(OWN_PYTHON), *words])  # noqa: S606
    without = f" without {', '.join(missing)}" if missing else ""
    sys.exit(
        "error: expected Python 3.11 with the packages of requirements.lock, got "
        f"{sys.executable} ({platform.python_version()}){without}; ./run.sh installs them into "
        ".venv, which this program then uses"
    )
