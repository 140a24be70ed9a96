"""What the report computes from codes, on small codes whose structure is known."""

import numpy as np
import numpy.typing as npt
import pytest

from submission.factors import FactorSpace
from submission.report.confusions import Confusion, read_by_tree
from submission.report.dependence import dependence_of
from submission.report.modes import find_modes
from submission.report.outliers import expected_codes, find_outliers
from submission.report.violins import NUM_LEVELS, shares_by_value
from submission.scoring.reference import perfect_codes

SPACE = FactorSpace(("a", "b", "c", "d"), (6, 2, 3, 8))
FACTORS = SPACE.index_to_factors(np.arange(SPACE.num_points))
RNG = np.random.default_rng(0)


def repeated(times: int, noise: float) -> npt.NDArray[np.float64]:
    codes = np.tile(perfect_codes(SPACE), (times, 1)).astype(np.float64)
    return codes + noise * np.random.default_rng(1).normal(size=codes.shape)


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.1])
def test_each_value_of_a_factor_is_a_mode(noise: float) -> None:
    codes = repeated(20, noise)
    for factor, size in enumerate(SPACE.sizes):
        modes = find_modes(codes[:, factor])
        clean = np.unique(perfect_codes(SPACE)[:, factor])
        assert len(modes.centres) == size
        np.testing.assert_allclose(modes.centres, clean, atol=0.05)
        assert (modes.of(codes[:, factor]) == np.tile(FACTORS[:, factor], 20)).mean() > 0.98


@pytest.mark.parametrize("num_rows", [50, 500, 5000])
def test_a_single_hump_is_a_single_mode(num_rows: int) -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        for values in (random.normal(size=num_rows), random.standard_t(3, num_rows)):
            modes = find_modes(values)
            assert len(modes.centres) == 1
            assert set(modes.of(values)) == {0}


def test_scale_and_origin_do_not_change_modes() -> None:
    codes = repeated(20, 0.05)[:, 3]
    modes, moved = find_modes(codes), find_modes(codes * 1000 - 7)
    np.testing.assert_allclose(moved.centres, modes.centres * 1000 - 7, rtol=1e-6, atol=1e-3)
    np.testing.assert_array_equal(moved.of(codes * 1000 - 7), modes.of(codes))


def test_a_latent_that_hardly_ever_moves_has_one_mode() -> None:
    values = np.zeros(2000)
    values[3] = 5
    assert find_modes(values).centres.tolist() == [0]


def test_dependence_finds_what_correlation_does_not() -> None:
    z = RNG.normal(size=(4000, 2))
    codes = np.column_stack([z, z[:, 0] ** 2, -3 * z[:, 1], np.full(4000, 0.3)])
    found = dependence_of(codes)
    assert abs(np.corrcoef(z[:, 0], codes[:, 2])[0, 1]) < 0.1
    assert found[0, 1] < 0.01
    assert found[0, 2] > 0.5
    assert found[1, 3] > 0.98
    assert (found[4] == 0).all()
    np.testing.assert_array_equal(found, found.T)
    assert found.min() >= 0
    assert found.max() <= 1


def test_dependence_does_not_see_how_a_latent_is_stretched() -> None:
    codes = RNG.normal(size=(1000, 2)) @ np.array([[1, 0.8], [0, 0.6]])
    np.testing.assert_allclose(dependence_of(np.exp(codes)), dependence_of(codes), atol=1e-12)


def test_a_factor_is_read_from_its_latent_whatever_the_order_of_values() -> None:
    truth = RNG.integers(5, size=2000)
    values = np.array([3.0, 0, 4, 1, 2])[truth] + 0.05 * RNG.normal(size=2000)
    counts = read_by_tree(values, truth)
    assert counts.sum() == 1000
    assert Confusion("a", 0, counts).accuracy == 1
    merged = read_by_tree(np.minimum(values, 2.5), truth)
    wrong = np.argwhere(merged - np.diag(np.diag(merged)))
    assert {tuple(pair) for pair in wrong.tolist()} <= {(0, 2), (2, 0)}
    assert len(wrong) > 0


def test_noise_says_nothing_of_images_that_were_not_learnt_from() -> None:
    truth = RNG.integers(4, size=4000)
    found = Confusion("a", 0, read_by_tree(RNG.normal(size=4000), truth))
    assert found.accuracy == pytest.approx(0.25, abs=0.04)


def test_codes_without_interactions_are_predicted() -> None:
    effects = [RNG.normal(size=(size, 3)) for size in SPACE.sizes]
    codes = sum(effect[FACTORS[:, f]] for f, effect in enumerate(effects))
    np.testing.assert_allclose(expected_codes(np.asarray(codes), FACTORS), codes, atol=1e-12)


def test_the_images_that_were_moved_are_the_worst() -> None:
    codes = perfect_codes(SPACE)
    codes[100, 2] += 2
    codes[7, 0] -= 3
    first, second, third = find_outliers(codes, FACTORS, range(4), 3)
    assert (first.row, first.latent) == (7, 0)
    assert (second.row, second.latent) == (100, 2)
    assert first.found - first.expected == pytest.approx(-3, abs=0.2)
    assert third.distance < second.distance / 3
    assert [found.row for found in find_outliers(codes, FACTORS, [2], 1)] == [100]


def test_a_violin_is_where_the_codes_are() -> None:
    levels = np.array([0, 0, 10, 10, 10, 47])
    values = np.array([0, 0, 1, 1, 1, 3])
    shares = shares_by_value(levels, values, 4)
    assert shares.shape == (4, NUM_LEVELS)
    assert shares.max(axis=1).tolist() == [1, 1, 0, 1]
    assert shares.argmax(axis=1).tolist() == [0, 10, 0, 47]
    assert np.flatnonzero(shares[1]).tolist() == [9, 10, 11]
