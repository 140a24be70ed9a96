"""`python -m experiments`."""

import sys

from submission.interpreter import ensure_packages

ensure_packages()

from experiments.commands import experiments  # noqa: E402 - it needs the packages
from submission.cli import run_commands  # noqa: E402

sys.exit(run_commands(experiments, "python -m experiments"))
