"""Options of a benchmark that are whole numbers."""

import argparse

import torch

from submission.training.allocator import keep_freed_memory

__all__ = ["prepared"]


def prepared(description: str | None, **defaults: int) -> argparse.Namespace:
    """Reads the command line, and makes the process ready to be timed.

    Args:
        description: of the program.
        defaults: value of each option.
    """
    parser = argparse.ArgumentParser(description=description)
    for name, default in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.manual_seed(0)
    return arguments
