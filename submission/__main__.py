"""`python -m submission`."""

import sys
from importlib.util import find_spec

if find_spec("click") is None:  # a Python without the locked packages
    sys.exit(
        f"error: expected the packages of requirements.lock, {sys.executable} has none; "
        "./run.sh installs them, then: source .venv/bin/activate"
    )

from submission.cli import main

sys.exit(main())
