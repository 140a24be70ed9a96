"""Scores the exported `pytorch_model.pt` before it is submitted: `python local_evaluation.py`."""

import sys

from submission.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
