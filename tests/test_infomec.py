import numpy as np
import numpy.typing as npt
import pytest

from submission.scoring.metrics.infomec import infomec

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
    assert scores.explicitness > 0.7


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


def test_scale_shift_and_dead_latents_change_little() -> None:
    codes = noisy(CENTRED)
    dead = 1e-4 * np.random.default_rng(4).normal(size=(4000, 2))
    moved = np.concatenate([3.0 + codes * [1.0, 2.0, 5.0], dead], axis=1)
    for one, other in zip(infomec(codes, FACTORS), infomec(moved, FACTORS), strict=True):
        assert one == pytest.approx(other, abs=0.01)


def test_a_single_latent_is_refused() -> None:
    with pytest.raises(ValueError, match="expected two active latents"):
        infomec(CENTRED[:, :1], FACTORS)
