"""Copies, number types and modes of a user's modules."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from types import FunctionType, ModuleType

import torch
from torch import Tensor, nn

from submission.console import say
from submission.errors import InputError
from submission.models.scorable import reason_of

__all__ = ["copy_of", "evaluation_mode", "in_float32"]


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Puts a module into evaluation mode; afterwards each part has the mode that it had before.

    Example:
        >>> model = nn.Dropout()
        >>> with evaluation_mode(model):
        ...     model.training
        False
        >>> model.training
        True
    """
    # A frozen script module has no mode: it evaluates always.
    modes = [(each, each.training) for each in model.modules() if hasattr(each, "training")]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def copy_of(model: nn.Module) -> nn.Module:
    """Copies a module that may keep results of a computation, as weight norm does.

    `deepcopy` refuses a tensor that belongs to a graph of gradients. Such tensors are copied
    without their graph.

    Raises:
        InputError: if it is no module, or something in it cannot be copied.

    Example:
        >>> model = nn.Linear(2, 2)
        >>> copied = copy_of(model)
        >>> copied.weight is model.weight, torch.equal(copied.weight, model.weight)
        (False, True)
    """
    given = getattr(model, "_orig_mod", model)  # torch.compile's wrapper cannot be traced
    if not isinstance(given, nn.Module):
        raise InputError(
            f"expected a torch.nn.Module, got a {type(model).__name__}; put what computes the "
            "codes into the forward method of a module"
        )
    try:
        # Without no_grad, a copied script module would share gradients with the original.
        with torch.no_grad():
            copies = {id(tensor): tensor.clone() for tensor in _tensors_of_graphs(given, {})}
            copied = deepcopy(given, copies)
    except (TypeError, RuntimeError, NotImplementedError) as error:
        raise InputError(
            f"expected a module that can be copied, got {type(error).__name__}: "
            f"{reason_of(error)}; keep locks, files, generators and earlier results out of the "
            "module, or export torch.jit.script(module)"
        ) from error
    return copied


def _tensors_of_graphs(value: object, seen: dict[int, object]) -> Iterator[Tensor]:
    """Finds the tensors with a graph of gradients in everything that `deepcopy` would copy."""
    if id(value) in seen or isinstance(value, type | FunctionType | ModuleType):
        return
    seen[id(value)] = value
    if isinstance(value, Tensor) and not value.is_leaf:
        yield value
    parts = [*getattr(value, "__dict__", {}).values()]
    if isinstance(value, dict):
        parts += value.values()
    elif isinstance(value, list | tuple | set | frozenset | deque):
        parts += value
    for part in parts:
        yield from _tensors_of_graphs(part, seen)


def in_float32(model: nn.Module) -> bool:
    """Converts a module's floating-point tensors to float32, and says which types there were.

    Returns:
        whether there were any others.

    Example:
        >>> in_float32(nn.Linear(2, 2).double())
        note: the copy to export is float32, since the evaluator's images are; got float64
        True
    """
    kinds = {each.dtype for each in (*model.parameters(), *model.buffers())}
    others = {kind for kind in kinds if kind.is_floating_point} - {torch.float32}
    if others:
        names = " and ".join(sorted(str(other).removeprefix("torch.") for other in others))
        say(f"note: the copy to export is float32, since the evaluator's images are; got {names}")
        model.float()
    return bool(others)
