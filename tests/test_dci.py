import functools
import types
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from submission.scoring.dci import compute_dci, score_importances

Codes = npt.NDArray[np.float64]
Factors = npt.NDArray[np.int64]

NUM_TRAIN = 300


@pytest.fixture(scope="module")
def library() -> types.ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from disentanglement_lib.evaluation.metrics import dci
    module: types.ModuleType = dci
    return module


def tie_free_codes(sizes: tuple[int, ...], num_codes: int) -> tuple[Codes, Factors]:
    generator = np.random.default_rng(0)
    factors = np.stack([generator.integers(size, size=2 * NUM_TRAIN) for size in sizes], axis=1)
    mixing = generator.normal(size=(len(sizes), num_codes)) / np.array(sizes)[:, None]
    codes = factors @ mixing + 0.2 * generator.normal(size=(2 * NUM_TRAIN, num_codes))
    return codes.argsort(axis=0).argsort(axis=0) / 64.0, factors


def test_equals_the_library(library: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    codes, factors = tie_free_codes((2, 3, 6), 5)
    seeded = functools.partial(GradientBoostingClassifier, random_state=3)
    monkeypatch.setattr(library.ensemble, "GradientBoostingClassifier", seeded)
    train, test = slice(NUM_TRAIN), slice(NUM_TRAIN, None)
    expected = library._compute_dci(
        codes[train].T, factors[train].T, codes[test].T, factors[test].T
    )
    ours = compute_dci(codes[train], factors[train], codes[test], factors[test], random_state=3)
    assert {name: getattr(ours, name) for name in expected} == pytest.approx(expected, abs=1e-6)
    assert len(expected) == 4


@pytest.mark.parametrize("kind", ["random", "sparse", "zero", "zero row", "zero column"])
def test_scores_a_matrix_as_the_library_does(library: types.ModuleType, kind: str) -> None:
    importances = np.random.default_rng(1).random((5, 3))
    if kind == "sparse":
        importances[importances < 0.6] = 0
    importances[{"zero": slice(None), "zero row": slice(2, 3)}.get(kind, slice(0))] = 0
    importances[:, {"zero column": slice(1, 2)}.get(kind, slice(0))] = 0
    disentanglement, completeness, per_code, per_factor = score_importances(importances)
    assert disentanglement == pytest.approx(library.disentanglement(importances), abs=1e-12)
    assert completeness == pytest.approx(library.completeness(importances), abs=1e-12)
    expected = library.disentanglement_per_code(importances)
    np.testing.assert_allclose(per_code, expected, atol=1e-12)
    expected = library.completeness_per_factor(importances)
    np.testing.assert_allclose(per_factor, expected, atol=1e-12)


def test_one_code_for_each_factor_is_perfect() -> None:
    disentanglement, completeness, per_code, per_factor = score_importances(np.eye(4))
    assert [disentanglement, completeness] == pytest.approx([1, 1], abs=1e-8)
    assert [*per_code, *per_factor] == pytest.approx([1] * 8, abs=1e-8)


def test_codes_alike_for_all_factors_score_nothing() -> None:
    disentanglement, completeness, _, _ = score_importances(np.full((4, 3), 0.25))
    assert [disentanglement, completeness] == pytest.approx([0, 0], abs=1e-12)


def test_a_factor_with_one_value_takes_no_part() -> None:
    codes, factors = tie_free_codes((2, 3), 4)
    fixed = np.insert(factors, 1, 5, axis=1)
    fixed[-1, 1] = 6
    train, test = slice(NUM_TRAIN), slice(NUM_TRAIN, None)
    plain = compute_dci(codes[train], factors[train], codes[test], factors[test])
    ours = compute_dci(codes[train], fixed[train], codes[test], fixed[test])
    for name in (
        "disentanglement",
        "completeness",
        "informativeness_train",
        "informativeness_test",
    ):
        assert getattr(ours, name) == getattr(plain, name)
    np.testing.assert_array_equal(ours.importances[:, [0, 2]], plain.importances)
    np.testing.assert_array_equal(ours.importances[:, 1], 0)
    assert ours.factor_completeness[1] == 0
    assert ours.accuracy_train[1] == 1
    assert ours.accuracy_test[1] == 1 - 1 / NUM_TRAIN


def test_one_factor_or_one_code_is_a_number() -> None:
    codes, factors = tie_free_codes((3,), 2)
    ours = compute_dci(codes[:, :1], factors, codes[:, :1], factors)
    assert ours.disentanglement == pytest.approx(1)
    assert ours.completeness == pytest.approx(1)


def test_refuses_what_it_cannot_score() -> None:
    codes, factors = tie_free_codes((3, 2), 2)
    with pytest.raises(ValueError, match="at least one factor with two values"):
        compute_dci(codes, 0 * factors, codes, factors)
    with pytest.raises(ValueError, match="expected factors of shapes"):
        compute_dci(codes, factors, codes, factors[:, :1])
    with pytest.raises(ValueError, match="as many rows of test codes"):
        compute_dci(codes, factors, codes[1:], factors)
    with pytest.raises(ValueError, match="finite importances"):
        score_importances(np.array([[1.0, -0.5]]))
