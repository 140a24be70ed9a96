"""Trains on one data set and exports `pytorch_model.pt`: `python train_pytorch.py [CONFIG]`."""

import sys

from submission.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
