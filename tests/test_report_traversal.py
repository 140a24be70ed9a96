import numpy as np
import numpy.typing as npt
import pytest

from submission.factors import FactorSpace
from submission.report.traversal import NUM_VALUES, TAIL, ordinary_rows, traverse
from submission.scoring.reference import perfect_codes

SPACE = FactorSpace(("a", "b", "c", "d"), (6, 2, 3, 7))
ALL = range(4)


def random_codes(seed: int = 0) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(400, 4)).astype(np.float32)


@pytest.mark.parametrize("anchor", [0, 17, 100, SPACE.num_points - 1])
def test_on_perfect_codes_a_traversal_changes_its_own_factor_only(anchor: int) -> None:
    codes = perfect_codes(SPACE)
    for factor, path in enumerate(traverse(codes, ALL, anchor)):
        points = SPACE.index_to_factors(path.rows)
        others = [other for other in ALL if other != factor]
        assert (points[:, others] == SPACE.index_to_factors([anchor])[0, others]).all()
        assert (np.diff(points[:, factor]) >= 0).all()
        assert len(np.unique(points[:, factor])) == SPACE.sizes[factor]


def test_a_little_noise_is_no_matter() -> None:
    for factor, path in enumerate(traverse(perfect_codes(SPACE, noise=0.002), ALL, 100)):
        points = SPACE.index_to_factors(path.rows)
        others = [other for other in ALL if other != factor]
        assert (points[:, others] == SPACE.index_to_factors([100])[0, others]).all()


def test_the_nearest_code_is_found() -> None:
    """Against the definition, written out."""
    codes = random_codes()
    stds = codes.std(axis=0, dtype=np.float64)
    for path in traverse(codes, ALL, anchor=3):
        half = (path.values[1] - path.values[0]) / 2
        for value, row in zip(path.values, path.rows, strict=True):
            target = codes[3].astype(np.float64)
            target[path.latent] = value
            units = stds.copy()
            units[path.latent] = half
            distances = [np.linalg.norm((code - target) / units) for code in codes]
            assert row == np.argmin(distances)


def test_values_are_evenly_spaced_between_the_quantiles() -> None:
    codes = random_codes()
    (path,) = traverse(codes, [2], anchor=0)
    assert path.latent == 2
    np.testing.assert_allclose(path.values[[0, -1]], np.quantile(codes[:, 2], [TAIL, 1 - TAIL]))
    assert len(path.values) == NUM_VALUES
    np.testing.assert_allclose(np.diff(path.values), np.diff(path.values)[0])


def test_scale_and_origin_of_a_latent_do_not_matter() -> None:
    codes = random_codes().astype(np.float64)
    moved = codes * np.array([4, 0.5, 1, 64]) + np.array([0, 8, -2, 0])
    for path, other in zip(traverse(codes, ALL, 5), traverse(moved, ALL, 5), strict=True):
        assert path.rows.tolist() == other.rows.tolist()
    assert ordinary_rows(codes, ALL, 9).tolist() == ordinary_rows(moved, ALL, 9).tolist()


def test_latents_that_are_left_out_do_not_count() -> None:
    codes = random_codes()
    wild = codes.copy()
    wild[:, 1] = np.random.default_rng(9).normal(size=len(codes))
    for path, other in zip(traverse(codes, [0, 2], 5), traverse(wild, [0, 2], 5), strict=True):
        assert path.rows.tolist() == other.rows.tolist()
    assert ordinary_rows(codes, [0], 9).tolist() == ordinary_rows(wild, [0], 9).tolist()


def test_ordinary_codes_are_those_nearest_to_the_mean() -> None:
    codes = random_codes()
    scaled = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    nearest = np.linalg.norm(scaled, axis=1).argsort()
    assert ordinary_rows(codes, ALL, 5).tolist() == nearest[:5].tolist()
    assert len(ordinary_rows(codes, ALL, 10_000)) == len(codes)


def test_a_latent_that_hardly_ever_moves_is_traversed_too() -> None:
    codes = random_codes()
    codes[:, 0] = 0
    codes[0, 0] = 1
    assert traverse(codes, ALL, 5)[0].values.tolist() == [0.0] * 7


def test_what_cannot_be_traversed_is_refused() -> None:
    codes = random_codes()
    codes[:, 1] = 0.3
    with pytest.raises(ValueError, match=r"constant \[1\]"):
        traverse(codes, ALL, 0)
