import numpy as np
import numpy.typing as npt
import pytest

from submission.factors import FactorSpace
from submission.report.modes import Modes, find_modes
from submission.report.traversal import MOST_STEPS, NUM_VALUES, TAIL, ordinary_rows, traverse
from submission.scoring.reference import perfect_codes

SPACE = FactorSpace(("a", "b", "c", "d"), (6, 2, 3, 7))
ALL = range(4)
ONE = Modes(np.array([0.0]), np.array([]))

Modal = dict[int, Modes]


def random_codes(seed: int = 0) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(400, 4)).astype(np.float32)


def modes_of(codes: npt.NDArray[np.float32]) -> Modal:
    return {latent: find_modes(codes[:, latent]) for latent in range(codes.shape[1])}


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("anchor", [0, 17, 100, SPACE.num_points - 1])
def test_a_traversal_shows_each_value_of_its_own_factor_once(anchor: int, noise: float) -> None:
    codes = perfect_codes(SPACE, noise)
    exact = {
        factor: Modes(np.unique(column), (np.unique(column)[1:] + np.unique(column)[:-1]) / 2)
        for factor, column in enumerate(perfect_codes(SPACE).T)
    }
    for factor, path in enumerate(traverse(codes, exact, anchor)):
        points = SPACE.index_to_factors(path.rows)
        others = [other for other in ALL if other != factor]
        assert (points[:, others] == SPACE.index_to_factors([anchor])[0, others]).all()
        assert points[:, factor].tolist() == list(range(SPACE.sizes[factor]))


def test_other_latents_stay_in_the_anchors_mode_where_that_is_possible() -> None:
    """Against the definition, written out."""
    codes = random_codes()
    modes = {
        0: Modes(np.array([-1.0, 1.0]), np.array([0.0])),
        1: Modes(np.array([-1.5, 0.0, 1.5]), np.array([-0.7, 0.7])),
        2: ONE,
        3: Modes(np.array([-0.5, 2.5]), np.array([2.2])),  # few codes in the second mode
    }
    stds = codes.std(axis=0, dtype=np.float64)
    anchor = int(np.flatnonzero(codes[:, 3] > 2.2)[0])
    own = {latent: found.of(codes[:, latent]) for latent, found in modes.items()}
    asked = codes[anchor].astype(np.float64)
    for path in traverse(codes, modes, anchor):
        half = np.diff(path.values).min() / 2
        for value, row, miss in zip(path.values, path.rows, path.misses, strict=True):
            target = np.where(np.arange(4) == path.latent, value, asked)
            units = np.where(np.arange(4) == path.latent, half, stds)
            keys = [
                (
                    abs(codes[i, path.latent] - value) > half
                    if modes[path.latent] is ONE
                    else own[path.latent][i] != modes[path.latent].of(value),
                    sum(own[c][i] != own[c][anchor] for c in modes if c != path.latent),
                    np.linalg.norm((codes[i] - target) / units),
                )
                for i in range(len(codes))
            ]
            assert keys[row] == min(keys)
            assert miss == pytest.approx(np.abs((codes[row] - target) / stds).max())


def test_a_latent_with_one_mode_takes_even_values_between_quantiles() -> None:
    codes = random_codes()
    (path,) = traverse(codes, {2: ONE}, anchor=0)
    assert path.latent == 2
    np.testing.assert_allclose(path.values[[0, -1]], np.quantile(codes[:, 2], [TAIL, 1 - TAIL]))
    assert len(path.values) == NUM_VALUES
    np.testing.assert_allclose(np.diff(path.values), np.diff(path.values)[0])


def test_of_many_modes_some_are_shown() -> None:
    centres = np.arange(40.0)
    codes = np.repeat(centres, 5)[:, None].astype(np.float32)
    (path,) = traverse(codes, {0: Modes(centres, centres[1:] - 0.5)}, anchor=0)
    assert len(path.values) == MOST_STEPS
    assert path.values[[0, -1]].tolist() == [0, 39]
    assert codes[path.rows, 0].tolist() == path.values.tolist()


def test_scale_and_origin_of_a_latent_do_not_matter() -> None:
    codes = np.tile(perfect_codes(SPACE, 0.05), (10, 1))
    moved = (codes * np.array([4, 0.5, 1, 64]) + np.array([0, 8, -2, 0])).astype(np.float32)
    before, after = modes_of(codes), modes_of(moved)
    for path, other in zip(traverse(codes, before, 5), traverse(moved, after, 5), strict=True):
        np.testing.assert_array_equal(
            SPACE.index_to_factors(path.rows % SPACE.num_points),
            SPACE.index_to_factors(other.rows % SPACE.num_points),
        )


def test_latents_that_are_left_out_do_not_count() -> None:
    codes = random_codes()
    wild = codes.copy()
    wild[:, 1] = np.random.default_rng(9).normal(size=len(codes))
    modes = {0: ONE, 2: ONE}
    for path, other in zip(traverse(codes, modes, 5), traverse(wild, modes, 5), strict=True):
        assert path.rows.tolist() == other.rows.tolist()
    assert ordinary_rows(codes, modes, 9).tolist() == ordinary_rows(wild, modes, 9).tolist()


def test_ordinary_codes_are_those_nearest_to_modes() -> None:
    codes = random_codes()
    modes = {0: Modes(np.array([-1.0, 1.0]), np.array([0.0])), 1: ONE}
    away = np.column_stack([np.abs(np.abs(codes[:, 0]) - 1), codes[:, 1]]) / codes[:, :2].std(0)
    nearest = np.linalg.norm(away, axis=1).argsort()
    assert ordinary_rows(codes, modes, 5).tolist() == nearest[:5].tolist()
    assert len(ordinary_rows(codes, modes, 10_000)) == len(codes)


def test_a_latent_that_hardly_ever_moves_is_traversed_too() -> None:
    codes = random_codes()
    codes[:, 0] = 0
    codes[0, 0] = 1
    (path, *_) = traverse(codes, {0: ONE, 1: ONE}, 5)
    assert path.values.tolist() == [0.0] * NUM_VALUES
