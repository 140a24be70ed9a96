"""`python -m submission`."""

import sys

from submission.interpreter import ensure_packages

ensure_packages()

from submission.cli import main  # noqa: E402 - it needs the packages

sys.exit(main())
