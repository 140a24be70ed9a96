"""Scores the exported `pytorch_model.pt` before it is submitted: `python local_evaluation.py`."""

import sys

from submission.interpreter import ensure_packages

if __name__ == "__main__":
    ensure_packages()
    from submission.cli import main

    sys.exit(main(["evaluate", *sys.argv[1:]]))
