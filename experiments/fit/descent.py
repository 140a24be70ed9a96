"""Measures fitted by Gauss and Newton's steps while all paint is solved anew at each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.fit.parameters import Parameter, moved
from submission.data.standin.look import Look

__all__ = ["State", "descend", "joined"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class State:
    """One camera's problem at a look.

    Attributes:
        look: with its paint solved.
        loss: of all errors.
        slopes: gives for parameters the (n, P) weighted change of what is seen per step, without
            what paint makes up for, and the (n,) weighted errors.
    """

    look: Look
    loss: float
    slopes: Callable[[Sequence[Parameter]], tuple[FloatArray, FloatArray]]


Solve = Callable[[Look, int], State]


def descend(
    look: Look,
    parameters: Sequence[Parameter],
    solve: Solve,
    num_steps: int,
    report: Callable[[str], None],
) -> Look:
    """Moves parameters to where images and look differ least.

    Args:
        look: the start, near to which the parameters' slacks hold them.
        parameters: what may move.
        solve: solves the paint of one camera for a look.
        num_steps: at most.
        report: is told of each step.
    """
    start = np.array([p.value(look) for p in parameters])
    steps = np.array([p.step for p in parameters])
    pull = steps / np.array([p.slack for p in parameters])
    damping = 0.01
    states = [solve(look, view) for view in range(3)]
    look = joined(look, states)
    loss = sum(state.loss for state in states)
    for number in range(num_steps):
        normal, slope = np.zeros((len(steps), len(steps))), np.zeros(len(steps))
        for view, state in enumerate(states):
            own = [k for k, p in enumerate(parameters) if p.view in (-1, view)]
            changes, errors = state.slopes([parameters[k] for k in own])
            normal[np.ix_(own, own)] += changes.T @ changes
            slope[own] += changes.T @ errors
        here = np.array([p.value(look) for p in parameters])
        held = np.diag(pull**2) * 100.0
        slope_held = slope - np.diag(held) * (here - start) / steps
        for _ in range(4):
            damped = normal + held + damping * np.diag(normal.diagonal() + 1e-6)
            change = np.linalg.solve(damped, slope_held) * steps
            near = moved(look, parameters, change)
            tried = [solve(near, view) for view in range(3)]
            new = sum(state.loss for state in tried)
            if new < loss:
                break
            damping = max(damping, 0.01) * 8
        else:
            break
        gain, loss, states, look = loss - new, new, tried, joined(near, tried)
        damping /= 4
        report(f"step {number + 1}: loss {loss:.0f}, gained {gain:.0f}")
        if gain < 2e-4 * loss:
            break
    return look


def joined(look: Look, states: Sequence[State]) -> Look:
    """Takes each camera's paint from its own state."""
    fields = {
        name: np.stack([getattr(s.look.paint, name)[v] for v, s in enumerate(states)])
        for name in look.paint._fields
    }
    return look._replace(paint=look.paint._replace(**fields))
