import math
from pathlib import Path

import pytest
import torch
from torch.distributions import Normal
from torch.distributions import kl_divergence as reference_kl

from submission.config.configuration import load_configuration
from submission.training.losses import (
    beta_vae_loss,
    kl_divergence,
    reconstruction_error,
    soft_targets,
    summed_cross_entropy,
)
from submission.training.schedule import annealed_beta


def test_kl_is_that_of_torch_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(7, 5, dtype=torch.float64, generator=generator)
    log_variance = torch.randn(7, 5, dtype=torch.float64, generator=generator)
    posterior = Normal(mean, (0.5 * log_variance).exp())
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = reference_kl(posterior, prior).sum(dim=1).mean()
    torch.testing.assert_close(kl_divergence(mean, log_variance), expected, rtol=1e-12, atol=0)


def test_reconstruction_error_sums_dimensions_and_averages_the_batch() -> None:
    decoded = torch.tensor([[1.0, 2.0], [0.0, 0.0]], dtype=torch.float64)
    features = torch.tensor([[0.0, 0.0], [0.0, 3.0]], dtype=torch.float64)
    assert reconstruction_error(decoded, features).item() == (1 + 4 + 9) / 2


def test_cross_entropies_of_all_factors_are_added() -> None:
    factors = torch.tensor([[0, 2], [1, 0]])
    logits = [torch.zeros(2, 2), torch.zeros(2, 3)]
    expected = math.log(2) + math.log(3)
    assert summed_cross_entropy(logits, factors, [0.0] * len(logits)).item() == pytest.approx(
        expected, rel=1e-6
    )


@pytest.mark.parametrize("softness", [0.0, 0.7])
def test_images_of_unknown_value_count_for_nothing(softness: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(5, size, generator=generator, requires_grad=True) for size in (3, 4)]
    factors = torch.tensor([[0, 1], [-1, 2], [2, -1], [-1, 3], [1, 0]])
    loss = summed_cross_entropy(logits, factors, [softness, 0.0])
    parts = [
        summed_cross_entropy([row[known]], factors[known, j : j + 1], [spread])
        for j, (row, spread) in enumerate(zip(logits, (softness, 0.0), strict=True))
        if (known := factors[:, j] >= 0).any()
    ]
    torch.testing.assert_close(loss, torch.stack(parts).sum())
    (slopes,) = torch.autograd.grad(loss, logits[0])
    assert (slopes.abs().sum(dim=1) > 0).tolist() == [True, False, True, False, True]
    none = summed_cross_entropy(logits, torch.full((5, 2), -1), [softness, 0.0])
    assert none.item() == 0.0


@pytest.mark.parametrize(("reduction", "scale"), [("mean", 1), ("sum", 3)])
def test_the_loss_is_the_published_formula(reduction: str, scale: int) -> None:
    """Paper, section 2.3, element by element; stage 1 sums over the batch where it averages."""
    generator = torch.Generator().manual_seed(0)
    decoded, features = torch.randn(2, 3, 7, dtype=torch.float64, generator=generator)
    mean, log_variance = torch.randn(2, 3, 5, dtype=torch.float64, generator=generator)
    expected = 0.0
    for row in range(3):
        for i in range(7):
            expected += float(decoded[row, i] - features[row, i]) ** 2
        for j in range(5):
            m, v = float(mean[row, j]), float(log_variance[row, j])
            expected += -0.5 * 0.3 / 5 * (1 + v - m**2 - math.exp(v))
    error = reconstruction_error(decoded, features)
    divergence = kl_divergence(mean, log_variance)
    loss = beta_vae_loss(error, divergence, 0.3, 5, reduction, batch_size=3)
    assert loss.item() == pytest.approx(expected / 3 * scale, rel=1e-13)


def rise(start: float, end: float, progress: float) -> float:
    """Half a cosine by hand; its values at thirds and halves are 1/4, 1/2 and 3/4."""
    return start + (end - start) * {1 / 3: 0.25, 1 / 2: 0.5, 2 / 3: 0.75}[progress]


SCHEDULES = {
    "paper": {
        0: 0.001,
        9: 0.001,
        10: 0.001,
        11: 0.001 + 0.399 * (1 - math.cos(math.pi / 39)) / 2,
        23: rise(0.001, 0.4, 1 / 3),
        36: rise(0.001, 0.4, 2 / 3),
        49: 0.4,
        50: 0.4,
        99: 0.4,
    },
    "released": {
        0: 0.005,
        10: 0.005,
        11: 0.00520467,
        33: rise(0.005, 0.4, 1 / 3),
        56: rise(0.005, 0.4, 2 / 3),
        79: 0.4,
        119: 0.4,
    },
    "stage1": {
        0: 1e-4,
        1: 1e-4,
        7: rise(1e-4, 0.12, 1 / 3),
        10: rise(1e-4, 0.12, 1 / 2),
        13: rise(1e-4, 0.12, 2 / 3),
        19: 0.12,
    },
}
ENDS = {
    "paper": (0.001, 0.4, 10, 49),
    "released": (0.005, 0.4, 10, 79),
    "stage1": (1e-4, 0.12, 1, 19),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_those_of_the_hand_tables(name: str) -> None:
    for epoch, beta in SCHEDULES[name].items():
        assert annealed_beta(epoch, *ENDS[name]) == pytest.approx(beta, rel=1e-5), epoch


@pytest.mark.parametrize("name", ["paper", "released"])
def test_presets_have_the_schedules_of_the_hand_tables(name: str) -> None:
    fit = load_configuration(Path(f"configs/{name}.gin")).fit
    assert (fit.beta_start, fit.beta_end, fit.anneal_start, fit.anneal_end) == ENDS[name]


def test_schedule_never_falls_and_is_a_step_when_start_is_end() -> None:
    values = [annealed_beta(epoch, 0.001, 0.4, 10, 49) for epoch in range(100)]
    assert values == sorted(values)
    assert [annealed_beta(epoch, 0.0, 1.0, 2, 2) for epoch in range(4)] == [0.0, 0.0, 1.0, 1.0]


def test_soft_targets_are_a_gaussian_over_values() -> None:
    rows = soft_targets(torch.tensor([0, 2]), 4, 0.8)
    weights = [[math.exp(-0.5 * ((k - v) / 0.8) ** 2) for k in range(4)] for v in (0, 2)]
    expected = torch.tensor([[w / sum(row) for w in row] for row in weights])
    torch.testing.assert_close(rows, expected)
    assert rows.argmax(dim=1).tolist() == [0, 2]


def test_narrow_soft_targets_are_the_papers_one_hot_targets() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(5, 3, generator=generator), torch.randn(5, 4, generator=generator)]
    factors = torch.tensor([[0, 3], [1, 0], [2, 2], [0, 1], [1, 3]])
    hard = summed_cross_entropy(logits, factors, [0.0, 0.0])
    torch.testing.assert_close(summed_cross_entropy(logits, factors, [0.0, 0.1]), hard)
    assert summed_cross_entropy(logits, factors, [0.0, 1.0]) != hard


def test_a_near_miss_costs_less_than_a_far_one() -> None:
    near, far = torch.zeros(1, 6), torch.zeros(1, 6)
    near[0, 3] = far[0, 5] = 4.0
    target = torch.tensor([[2]])
    losses = [summed_cross_entropy([row], target, [1.0]).item() for row in (near, far)]
    assert losses[0] < losses[1]
