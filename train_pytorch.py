"""Trains on one data set and exports `pytorch_model.pt`: `python train_pytorch.py [CONFIG]`."""

import sys

from submission.interpreter import ensure_packages

if __name__ == "__main__":
    ensure_packages()
    from submission.cli import main

    sys.exit(main(["train", *sys.argv[1:]]))
