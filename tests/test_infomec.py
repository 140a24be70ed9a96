import numpy as np
import numpy.typing as npt
import pytest

from submission.errors import InputError
from submission.factors import FactorSpace
from submission.scoring.metrics.infomec import infomec
from submission.scoring.reference import perfect_codes

Array = npt.NDArray[np.float64]
RANDOM = np.random.default_rng(0)
FACTORS = RANDOM.integers(0, (3, 4, 2), size=(4000, 3))
CENTRED = (FACTORS - FACTORS.mean(axis=0)) / FACTORS.std(axis=0)


def noisy(codes: Array) -> Array:
    return codes + 0.05 * np.random.default_rng(1).normal(size=codes.shape)


def test_one_latent_per_factor_is_modular_compact_and_explicit() -> None:
    scores = infomec(noisy(CENTRED), FACTORS)
    assert scores.modularity > 0.95
    assert scores.compactness > 0.95
    assert scores.explicitness > 0.99


def test_a_turned_code_is_neither_modular_nor_compact_but_as_explicit() -> None:
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    straight, turned = infomec(noisy(CENTRED), FACTORS), infomec(noisy(CENTRED @ turn), FACTORS)
    assert turned.modularity < straight.modularity - 0.3
    assert turned.compactness < straight.compactness - 0.3
    assert turned.explicitness == pytest.approx(straight.explicitness, abs=0.05)


def test_two_copies_of_a_latent_are_modular_but_not_compact() -> None:
    scores = infomec(noisy(CENTRED[:, [0, 0, 1, 1, 2, 2]]), FACTORS)
    assert scores.modularity > 0.95
    assert scores.compactness < 0.85


def test_noise_explains_nothing() -> None:
    codes = np.random.default_rng(3).normal(size=(4000, 3))
    assert infomec(codes, FACTORS).explicitness < 0.02


def test_ordered_values_on_one_latent_are_explicit() -> None:
    values = np.random.default_rng(5).integers(0, 10, (10_000, 2))
    noise = 0.1 * np.random.default_rng(6).normal(size=values.shape)
    scores = infomec(3.4 * (values / 9 - 0.5) + noise, values)
    assert scores.explicitness == pytest.approx(0.937, abs=0.01)


def test_a_latent_is_active_by_its_range() -> None:
    # A standard deviation of 0.06 is below a twentieth of the widest, the range of 0.4 is not.
    space = FactorSpace(tuple("abcdefg"), (6, 6, 2, 3, 3, 10, 10))
    codes = perfect_codes(space, noise=0.1)
    factors = space.index_to_factors(np.arange(space.num_points))
    noise = np.random.default_rng(0).normal(size=(len(codes), 1))
    without = infomec(codes, factors)
    assert without.modularity == pytest.approx(0.994, abs=0.005)
    assert without.explicitness == pytest.approx(0.983, abs=0.005)
    active = infomec(np.hstack([codes, 0.06 * noise]), factors)
    assert active.modularity == pytest.approx(0.91, abs=0.03)
    inactive = infomec(np.hstack([codes, 0.01 * noise]), factors)
    assert inactive.modularity == pytest.approx(without.modularity, abs=0.002)


def test_rare_values_count_as_much_as_others() -> None:
    # Without balanced classes a classifier that has no latents scores above 0 here.
    rare = (np.arange(4000) % 20 == 0).astype(np.int64)
    factors = np.stack([rare, FACTORS[:, 0]], axis=1)
    codes = np.random.default_rng(7).normal(size=(4000, 2))
    assert infomec(codes, factors).explicitness == pytest.approx(0, abs=0.01)


def test_a_constant_latent_changes_nothing() -> None:
    codes = noisy(CENTRED)
    padded = np.hstack([codes, np.full((len(codes), 1), 0.3)])
    assert infomec(padded, FACTORS) == infomec(codes, FACTORS)


def test_scale_shift_and_dead_latents_change_little() -> None:
    codes = noisy(CENTRED)
    dead = 1e-4 * np.random.default_rng(4).normal(size=(4000, 2))
    moved = np.concatenate([3.0 + codes * [1.0, 2.0, 5.0], dead], axis=1)
    for one, other in zip(infomec(codes, FACTORS), infomec(moved, FACTORS), strict=True):
        assert one == pytest.approx(other, abs=0.01)


def test_a_single_latent_is_refused() -> None:
    with pytest.raises(ValueError, match=r"two active latents.*got 1"):
        infomec(CENTRED[:, :1], FACTORS)


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**-1060, 2.0**30])
def test_the_unit_of_the_codes_changes_nothing(scale: float) -> None:
    codes = np.round(noisy(CENTRED), 3)[:, :2] * 2.0**20 // 1
    assert infomec(codes * scale, FACTORS[:, :2]) == infomec(codes, FACTORS[:, :2])


def test_a_factor_with_another_value_in_each_row_is_one_line() -> None:
    factors = np.stack([np.arange(600), FACTORS[:600, 0]], axis=1)
    with pytest.raises(InputError, match="each of 600 rows"):
        infomec(CENTRED[:600], factors)
