import numpy as np
import numpy.typing as npt
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from submission.scoring.trees import boosting
from submission.scoring.trees.boosting import BoostedTrees, fit_each_factor
from submission.scoring.trees.logloss import _pairwise_sum
from submission.scoring.trees.splits import FEATURE_THRESHOLD

Codes = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

NUM_TRAIN = 300


def tie_free(codes: Codes) -> Codes:
    """Replaces each column by its ranks, so that no two values of a column are equal."""
    return codes.argsort(axis=0).argsort(axis=0) / 64.0


def structured(sizes: tuple[int, ...], num_codes: int, seed: int) -> tuple[Codes, Labels]:
    generator = np.random.default_rng(seed)
    labels = np.stack([generator.integers(size, size=2 * NUM_TRAIN) for size in sizes], axis=1)
    mixing = generator.normal(size=(len(sizes), num_codes)) / np.array(sizes)[:, None]
    codes = labels @ mixing + 0.2 * generator.normal(size=(2 * NUM_TRAIN, num_codes))
    return codes, labels


def fit_boosted_trees(
    codes: npt.ArrayLike, labels: npt.ArrayLike, num_stages: int = 100, random_state: int = 0
) -> BoostedTrees:
    """Fits one factor."""
    return fit_each_factor(codes, np.asarray(labels).reshape(-1, 1), num_stages, random_state)[0]


def rival(codes: Codes, labels: Labels, random_state: int = 0) -> GradientBoostingClassifier:
    return GradientBoostingClassifier(random_state=random_state).fit(codes, labels)


def assert_same(ours: BoostedTrees, theirs: GradientBoostingClassifier, codes: Codes) -> None:
    np.testing.assert_allclose(ours.importances, theirs.feature_importances_, atol=1e-6, rtol=0)
    scores = theirs.decision_function(codes).reshape(len(codes), -1).T
    np.testing.assert_allclose(ours.scores(codes), scores, atol=1e-6, rtol=1e-6)
    np.testing.assert_array_equal(ours.predict(codes), theirs.predict(codes))


@pytest.mark.parametrize("num_classes", [2, 3, 6, 10])
def test_equals_scikit_learn_on_random_codes(num_classes: int) -> None:
    generator = np.random.default_rng(num_classes)
    codes = tie_free(generator.normal(size=(NUM_TRAIN, 5)))
    labels = generator.integers(num_classes, size=NUM_TRAIN)
    assert_same(fit_boosted_trees(codes, labels), rival(codes, labels), codes)


def test_equals_scikit_learn_on_structured_codes_and_new_samples() -> None:
    sizes = (2, 3, 6, 10)
    codes, labels = structured(sizes, 6, 0)
    codes = tie_free(codes)
    models = fit_each_factor(codes[:NUM_TRAIN], labels[:NUM_TRAIN], random_state=7)
    for j, model in enumerate(models):
        assert_same(model, rival(codes[:NUM_TRAIN], labels[:NUM_TRAIN, j], 7), codes)


def test_takes_scikit_learns_choices_where_splits_tie() -> None:
    codes, labels = structured((3,), 4, 1)
    doubled = np.concatenate([tie_free(codes), tie_free(codes)], axis=1)
    ours = [fit_boosted_trees(doubled, labels[:, 0], random_state=state) for state in (0, 1)]
    assert_same(ours[0], rival(doubled, labels[:, 0], 0), doubled)
    assert np.abs(ours[0].importances - ours[1].importances).max() > 1e-3
    assert ours[0].importances.min() > 0


def test_constant_features_take_no_part() -> None:
    codes, labels = structured((6,), 4, 2)
    codes = tie_free(codes)
    codes[:, 1] = 3.0
    ours = fit_boosted_trees(codes, labels[:, 0])
    assert ours.importances[1] == 0
    assert_same(ours, rival(codes, labels[:, 0]), codes)


def test_feature_that_is_constant_in_some_nodes() -> None:
    codes, labels = structured((6,), 4, 2)
    codes = tie_free(codes)
    # Long runs of tied values change only rounding, and so only splits that tie exactly.
    codes[:, 3] = np.where(np.arange(len(codes)) % 2, codes[:, 3], 0.0)
    ours = fit_boosted_trees(codes, labels[:, 0])
    theirs = rival(codes, labels[:, 0])
    np.testing.assert_allclose(ours.importances, theirs.feature_importances_, atol=1e-3, rtol=0)


def test_thresholds_separate_values_further_apart_than_the_limit() -> None:
    spacing = np.float32(0.25) * FEATURE_THRESHOLD
    codes = (np.arange(64) * spacing)[:, None].astype(np.float64)
    labels = (np.arange(64) >= 32).astype(np.int64)
    ours = fit_boosted_trees(codes, labels)
    assert_same(ours, rival(codes, labels), codes)
    assert ours.importances.sum() == 0
    wide = 16 * codes
    np.testing.assert_array_equal(fit_boosted_trees(wide, labels).predict(wide), labels)


def test_quantised_codes_stay_within_scikit_learns_own_spread() -> None:
    codes, labels = structured((6,), 6, 3)
    quantised = np.round(4 * codes) / 4
    ours = fit_boosted_trees(quantised, labels[:, 0]).importances
    theirs = np.array(
        [rival(quantised, labels[:, 0], state).feature_importances_ for state in range(4)]
    )
    spread = np.ptp(theirs, axis=0).max()
    assert np.abs(ours - theirs.mean(axis=0)).max() < 2 * spread + 1e-6


def test_codes_are_rounded_to_single_precision() -> None:
    codes, labels = structured((3,), 3, 4)
    codes = tie_free(codes) + 1e-9 * np.random.default_rng(0).normal(size=codes.shape)
    ours = fit_boosted_trees(codes, labels[:, 0])
    rounded = fit_boosted_trees(codes.astype(np.float32), labels[:, 0])
    np.testing.assert_array_equal(ours.trees.threshold, rounded.trees.threshold)
    assert_same(ours, rival(codes, labels[:, 0]), codes)


def test_labels_may_have_gaps_and_signs() -> None:
    codes, labels = structured((3,), 3, 5)
    codes = tie_free(codes)
    names = np.array([-4, 9, 100])
    plain = fit_boosted_trees(codes, labels[:, 0])
    named = fit_boosted_trees(codes, names[labels[:, 0]])
    np.testing.assert_array_equal(named.importances, plain.importances)
    np.testing.assert_array_equal(named.predict(codes), names[plain.predict(codes)])


def test_does_not_depend_on_the_number_of_threads_nor_on_other_factors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes, labels = structured((2, 6, 3), 5, 6)
    monkeypatch.setattr(boosting, "_num_cores", lambda: 3)
    together = fit_each_factor(codes, labels, num_stages=20)
    monkeypatch.setattr(boosting, "_num_cores", lambda: 1)
    alone = [fit_each_factor(codes, column[:, None], num_stages=20)[0] for column in labels.T]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.trees.value, other.trees.value)
        np.testing.assert_array_equal(one.importances, other.importances)
        np.testing.assert_array_equal(one.scores(codes), other.scores(codes))


def test_does_not_change_its_arguments() -> None:
    codes, labels = structured((3,), 3, 7)
    codes_before, labels_before = codes.copy(), labels.copy()
    fit_boosted_trees(codes, labels[:, 0], num_stages=2)
    np.testing.assert_array_equal(codes, codes_before)
    np.testing.assert_array_equal(labels, labels_before)


@pytest.mark.parametrize("num", [0, 1, 7, 8, 100, 128, 129, 300, 5000])
def test_sums_as_numpy_does(num: int) -> None:
    numbers = np.random.default_rng(num).normal(size=num)
    assert _pairwise_sum(numbers) == numbers.sum()


def test_refuses_what_it_cannot_fit() -> None:
    codes = np.random.default_rng(0).normal(size=(20, 2))
    labels = np.arange(20) % 3
    with pytest.raises(ValueError, match="at least two classes in column 0"):
        fit_boosted_trees(codes, np.ones(20, dtype=np.int64))
    with pytest.raises(ValueError, match="expected integer labels"):
        fit_boosted_trees(codes, labels / 2)
    with pytest.raises(ValueError, match="expected integer labels of shape"):
        fit_boosted_trees(codes, labels[:-1])
    with pytest.raises(ValueError, match="finite in single precision"):
        fit_boosted_trees(np.where(codes > 1, 1e39, codes), labels)
    with pytest.raises(ValueError, match=r"features of shape \(n, C\)"):
        fit_boosted_trees(codes[:, 0], labels)
    with pytest.raises(ValueError, match="expected 2 features"):
        fit_boosted_trees(codes, labels, num_stages=1).predict(codes[:, :1])
