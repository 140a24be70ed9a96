"""RAdam's step against hand figures, an own reference in float64, and PyTorch's."""

from typing import Any

import pytest
import torch
from torch import nn

from submission.training.adam import FusedAdam
from submission.training.radam import FusedRAdam, rectified_step

RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
GRADIENTS = [1.0, -2.0, 0.5, 3.0, 1.0, -1.0, 0.0, 2.5]


def reference(value: float, gradients: list[float]) -> list[float]:
    """Liu et al. 2019, algorithm 2, with PyTorch's epsilon."""
    values, first, second = [], 0.0, 0.0
    longest = 2 / (1 - BETA2) - 1
    for step, gradient in enumerate(gradients, start=1):
        first = BETA1 * first + (1 - BETA1) * gradient
        second = BETA2 * second + (1 - BETA2) * gradient**2
        mean = first / (1 - BETA1**step)
        length = longest - 2 * step * BETA2**step / (1 - BETA2**step)
        if length > 5:
            rectified = ((length - 4) * (length - 2) * longest) / (
                (longest - 4) * (longest - 2) * length
            )
            adaptive = (1 - BETA2**step) ** 0.5 / (second**0.5 + EPSILON)
            value -= RATE * rectified**0.5 * mean * adaptive
        else:
            value -= RATE * mean
        values.append(value)
    return values


def steps(parameter: nn.Parameter, optimizer: torch.optim.Optimizer) -> list[float]:
    values = []
    for gradient in GRADIENTS:
        parameter.grad = torch.full_like(parameter, gradient)
        optimizer.step()
        values.append(parameter.item())
    return values


def test_steps_are_those_of_the_algorithm() -> None:
    parameter = nn.Parameter(torch.tensor([1.5], dtype=torch.float64))
    found = steps(parameter, FusedRAdam([parameter], RATE, (BETA1, BETA2)))
    assert found == pytest.approx(reference(1.5, GRADIENTS), rel=1e-13)
    # By hand: the first moments .1 and .09 - .2 = -.11, corrected by .1 and .19.
    assert found[:2] == pytest.approx([1.5 - 1e-3, 1.5 - 1e-3 + 1e-3 * 0.11 / 0.19], rel=1e-14)


def test_the_sixth_step_is_the_first_rectified_one() -> None:
    assert [rectified_step(t, RATE, BETA2)[0] > 1 for t in range(1, 8)] == [True] * 5 + [False] * 2
    # By hand: rho_inf = 1999, rho_6 = 1999 - 12 x .994014980 / .005985020 = 5.99417; the
    # rectification is 1.99417 x 3.99417 x 1999 / (1995 x 1997 x 5.99417) = 6.6673e-4.
    size, epsilon = rectified_step(6, RATE, BETA2)
    assert size == pytest.approx(RATE * 6.6673e-4**0.5, rel=1e-5)
    assert epsilon == pytest.approx(1e-8 / 0.005985020**0.5, rel=1e-6)
    size, epsilon = rectified_step(10**6, RATE, BETA2)
    assert (size, epsilon) == pytest.approx((RATE, 1e-8), rel=1e-3)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_many_steps_are_those_of_pytorch(dtype: torch.dtype, tolerance: float) -> None:
    generator = torch.Generator().manual_seed(0)
    ours = nn.Parameter(torch.randn(1000, dtype=dtype, generator=generator))
    theirs = nn.Parameter(ours.detach().clone())
    optimizers = (
        FusedRAdam([ours], RATE, (BETA1, BETA2)),
        torch.optim.RAdam([theirs], RATE, (BETA1, BETA2)),
    )
    for step in range(50):
        gradient = torch.randn(1000, dtype=dtype, generator=generator) * 10.0 ** (step % 7 - 3)
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("second_decay", [0.0, 0.5])
def test_a_short_memory_is_never_rectified(second_decay: float) -> None:
    parameters = [nn.Parameter(torch.tensor([1.5], dtype=torch.float64)) for _ in range(2)]
    decays = (BETA1, second_decay)
    ours = steps(parameters[0], FusedRAdam(parameters[:1], RATE, decays))
    theirs = steps(parameters[1], torch.optim.RAdam(parameters[1:], RATE, decays))
    assert ours == pytest.approx(theirs, rel=1e-13)


def test_a_loaded_state_goes_on() -> None:
    parameter = nn.Parameter(torch.tensor([1.5], dtype=torch.float64))
    optimizer = FusedRAdam([parameter], RATE, (BETA1, BETA2))
    found = []
    for gradient in GRADIENTS:
        again = FusedRAdam([parameter], RATE, (BETA1, BETA2))
        again.load_state_dict(optimizer.state_dict())
        optimizer = again
        parameter.grad = torch.full_like(parameter, gradient)
        optimizer.step()
        found.append(parameter.item())
    assert found == pytest.approx(reference(1.5, GRADIENTS), rel=1e-13)


def recorded_step(optimizer: FusedAdam) -> None:
    """Takes a step as a CUDA graph does, where that is possible."""
    if optimizer.is_settled:
        optimizer.advance()
        optimizer.update()
    else:
        optimizer.step()


def made(kind: type[FusedAdam], parameter: nn.Parameter, second_decay: float) -> FusedAdam:
    return kind([parameter], RATE, (BETA1, second_decay))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-7), (torch.float32, 1e-6)])
@pytest.mark.parametrize(
    ("kind", "second_decay"), [(FusedRAdam, BETA2), (FusedRAdam, 0.5), (FusedAdam, BETA2)]
)
def test_recordable_steps_are_those_of_step_up_to_rounding(
    kind: type[FusedAdam], second_decay: float, dtype: torch.dtype, tolerance: float
) -> None:
    """Also where gradients are as small as epsilon, so that epsilon counts."""
    generator = torch.Generator().manual_seed(0)
    plain, recorded = (nn.Parameter(torch.zeros(1000, dtype=dtype)) for _ in range(2))
    optimizers = made(kind, plain, second_decay), made(kind, recorded, second_decay)
    settled = []
    for step in range(50):
        gradient = torch.randn(1000, dtype=dtype, generator=generator) * 10.0 ** (step % 9 - 8)
        plain.grad, recorded.grad = gradient.clone(), gradient.clone()
        settled.append(optimizers[1].is_settled)
        optimizers[0].step()
        recorded_step(optimizers[1])
        torch.testing.assert_close(recorded, plain, rtol=tolerance, atol=RATE * tolerance)
    assert plain.abs().max() > RATE
    assert settled == [False] * settled.index(True) + [True] * (50 - settled.index(True))
    assert settled.index(True) == (5 if (kind, second_decay) == (FusedRAdam, BETA2) else 1)


def groups_of(state: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups without epsilon, which each of RAdam's steps sets."""
    return [{**group, "eps": None} for group in state["param_groups"]]


@pytest.mark.parametrize("kind", [FusedRAdam, FusedAdam])
def test_states_of_both_kinds_of_steps_are_alike(kind: type[FusedAdam]) -> None:
    """A training goes on from a checkpoint with the other kind."""
    parameters = [nn.Parameter(torch.tensor([1.5])) for _ in range(2)]
    plain, recorded = (made(kind, parameter, BETA2) for parameter in parameters)
    for gradient in GRADIENTS:
        for parameter in parameters:
            parameter.grad = torch.full_like(parameter, gradient)
        plain.step()
        recorded_step(recorded)
        first, second = plain.state_dict(), recorded.state_dict()
        assert groups_of(first) == groups_of(second)
        assert first["state"][0].keys() == second["state"][0].keys()
        for name, value in first["state"][0].items():
            torch.testing.assert_close(second["state"][0][name], value, rtol=1e-6, atol=0)
        plain.load_state_dict(second)
        recorded.load_state_dict(first)


def test_steps_with_weight_decay_are_not_recordable() -> None:
    parameter = nn.Parameter(torch.tensor([1.5]))
    optimizer = FusedRAdam([parameter], RATE, (BETA1, BETA2), weight_decay=0.01)
    steps(parameter, optimizer)
    assert not optimizer.is_settled
