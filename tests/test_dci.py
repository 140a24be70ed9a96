import functools
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from submission.scoring.draws import Rows
from submission.scoring.library import library
from submission.scoring.metrics.dci import Trees, boosted_importances, dci_of_trees

Codes = npt.NDArray[np.float64]
Factors = npt.NDArray[np.int64]

NUM_TRAIN = 300


def tie_free_codes(sizes: tuple[int, ...], num_codes: int) -> tuple[Codes, Factors]:
    generator = np.random.default_rng(0)
    factors = np.stack([generator.integers(size, size=2 * NUM_TRAIN) for size in sizes], axis=1)
    mixing = generator.normal(size=(len(sizes), num_codes)) / np.array(sizes)[:, None]
    codes = factors @ mixing + 0.2 * generator.normal(size=(2 * NUM_TRAIN, num_codes))
    return codes.argsort(axis=0).argsort(axis=0) / 64.0, factors


def halves(codes: Codes, factors: Factors) -> tuple[Rows, Rows]:
    """Gives training and test rows in the library's orientation."""
    train, test = slice(NUM_TRAIN), slice(NUM_TRAIN, None)
    return (codes[train].T, factors[train].T), (codes[test].T, factors[test].T)


def test_equals_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = halves(*tie_free_codes((2, 3, 6), 5))
    seeded = functools.partial(GradientBoostingClassifier, random_state=3)
    monkeypatch.setattr(library().dci.ensemble, "GradientBoostingClassifier", seeded)
    expected = library().dci._compute_dci(*train, *test)
    ours = dci_of_trees(boosted_importances(train, test, random_state=3))
    assert {name: getattr(ours, name) for name in expected} == pytest.approx(expected, abs=1e-6)
    assert len(expected) == 4


def test_one_latent_for_each_factor_is_perfect() -> None:
    ours = dci_of_trees(Trees(np.eye(4), np.ones(4), np.ones(4)))
    assert [ours.disentanglement, ours.completeness] == pytest.approx([1, 1], abs=1e-8)
    per_part = [*ours.disentanglement_per_latent, *ours.completeness_per_factor]
    assert per_part == pytest.approx([1] * 8, abs=1e-8)


def test_latents_alike_for_all_factors_score_nothing() -> None:
    ours = dci_of_trees(Trees(np.full((4, 3), 0.25), np.ones(3), np.ones(3)))
    assert [ours.disentanglement, ours.completeness] == pytest.approx([0, 0], abs=1e-9)


def test_importances_of_nothing_are_no_number_that_is_missing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = dci_of_trees(Trees(np.zeros((4, 3)), np.ones(3), np.ones(3)))
    assert ours.disentanglement == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(ours.weight_of_latent, 0.25)


def test_one_latent_or_one_factor_has_importances() -> None:
    codes, factors = tie_free_codes((3,), 2)
    train, test = halves(codes[:, :1], factors)
    assert boosted_importances(train, test, 0).importances == pytest.approx(np.ones((1, 1)))
