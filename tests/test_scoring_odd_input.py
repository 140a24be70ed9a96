"""Odd codes and odd factors: a number, a note or one line, and never NaN."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from submission.errors import InputError
from submission.scoring import Scores, Settings, score_samples, score_table
from submission.scoring.settings import (
    DciSettings,
    FactorVaeSettings,
    IrsSettings,
    MigSettings,
    SapSettings,
)
from tests.few_rows import SETTINGS
from tests.few_rows import THREE_FACTORS as SPACE

POINTS = SPACE.index_to_factors(np.arange(SPACE.num_points))
CENTRED = (POINTS - POINTS.mean(axis=0)).astype(np.float32)
QUICK = ("factor_vae", "sap", "irs", "mig")
Codes = npt.NDArray[np.floating[Any]]


def grid(codes: Codes, metrics: tuple[str, ...] = QUICK) -> Scores:
    return score_table(codes, SPACE, metrics=metrics, settings=SETTINGS)


def sample(num: int, num_factors: int = 3) -> tuple[Codes, npt.NDArray[np.int64]]:
    generator = np.random.default_rng(0)
    factors = generator.integers(0, 4, (num, num_factors))
    return factors + 0.3 * generator.normal(size=factors.shape), factors


def with_rare(factors: npt.NDArray[np.int64], num: int) -> npt.NDArray[np.int64]:
    """Adds a factor of which few rows have a second value."""
    rare = np.zeros((len(factors), 1), np.int64)
    rare[np.random.default_rng(1).permutation(len(factors))[:num]] = 1
    return np.hstack([factors, rare])


@pytest.mark.parametrize("constant", np.linspace(0.1, 3, 30).tolist())
def test_no_constant_changes_a_score_or_makes_it_nan(constant: float) -> None:
    padded = np.hstack([CENTRED, np.full((len(CENTRED), 1), constant, np.float32)])
    scores = grid(padded, ("irs", "mig"))
    assert scores.values() == pytest.approx(grid(CENTRED, ("irs", "mig")).values())
    assert scores.irs is not None
    assert scores.irs.num_active_latents == 3
    assert any("latent 3: constant" in note and "NaN" in note for note in scores.notes)


def test_a_huge_constant_gets_no_votes() -> None:
    padded = np.hstack([CENTRED, np.full((len(CENTRED), 1), 123456789.0, np.float32)])
    assert grid(padded, ("factor_vae",)).values() == {"factor_vae": 1.0}


def test_sample_variances_are_those_of_float64() -> None:
    codes, factors = sample(2_000_000, 2)
    shifted = (0.2 * codes + 50).astype(np.float32)
    settings = Settings(factor_vae=FactorVaeSettings(num_train=5, num_eval=5))
    scores = score_samples(shifted, factors, metrics=("factor_vae",), settings=settings)
    assert scores.factor_vae is not None
    np.testing.assert_allclose(
        scores.factor_vae.global_variances, shifted.var(axis=0, dtype=np.float64), rtol=1e-5
    )


@pytest.mark.parametrize(
    "values",
    [
        np.array([0, 1, 2, 10**7]),
        np.array([-9, -3, 5, 6], np.int8),
        np.array([0.0, 1.0, 5.0, 6.0]),
        np.array(["a", "b", "c", "d"]),
        np.array([0, 1, 2, 2**63 + 5], np.uint64),
    ],
)
def test_scores_do_not_depend_on_how_values_are_numbered(values: npt.NDArray[Any]) -> None:
    codes, factors = sample(2000)
    expected = score_samples(codes, factors, metrics=QUICK, settings=SETTINGS).values()
    renamed = score_samples(codes, values[factors], metrics=QUICK, settings=SETTINGS)
    assert renamed.values() == expected


def test_booleans_are_values() -> None:
    codes, factors = sample(500)
    half = factors > 1
    scores = score_samples(codes, half, metrics=("irs",), settings=SETTINGS)
    assert scores.factor_sizes == (2, 2, 2)


@pytest.mark.parametrize("metric", ["dci", "sap", "mig"])
def test_a_factor_that_no_drawn_row_varies_is_left_out_with_a_note(metric: str) -> None:
    codes, factors = sample(5000)
    settings = Settings(dci=DciSettings(800, 200), sap=SapSettings(800, 200), mig=MigSettings(800))
    plain = score_samples(codes, factors, metrics=(metric,), settings=settings)
    rare = with_rare(factors, 1)
    scores = score_samples(codes, rare, metrics=(metric,), settings=settings)
    assert scores.values() == plain.values()
    assert scores.fixed_factors == ("factor 3",)
    note = next(note for note in scores.notes if note.startswith("factor 3"))
    for piece in ("800 rows", "factor 3 = 0", "only 1 of all 5,000", "num_train"):
        assert piece in note


def test_a_value_that_no_drawn_row_has_is_pointed_out() -> None:
    codes, factors = sample(5000)
    factors[17, 1] = 70
    scores = score_samples(
        codes, factors, metrics=("mig",), settings=Settings(mig=MigSettings(200))
    )
    assert np.isfinite(scores.values()["mig"])
    assert any("factor 1 = 70 is in 1 of 5,000 rows" in note for note in scores.notes)


def test_no_factor_that_varies_in_the_drawn_rows_is_one_line() -> None:
    codes, factors = sample(5000)
    rare = with_rare(factors, 1)[:, 3:]
    with pytest.raises(InputError, match=r"factor 0 = 0.*1 of all 5,000.*num_train"):
        score_samples(codes, rare, metrics=("mig",), settings=Settings(mig=MigSettings(100)))


def test_scarce_values_cost_factor_vae_only() -> None:
    codes, factors = sample(3000)
    rare = with_rare(factors, 40)
    scores = score_samples(codes, rare, ("a", "b", "c", "d"), metrics=QUICK)
    assert list(scores.values()) == ["sap", "irs", "mig"]
    note = next(note for note in scores.notes if "FactorVAE" in note)
    for piece in ("64 rows", "got 40", "d = 1", "FactorVaeSettings.batch_size"):
        assert piece in note
    with pytest.raises(InputError, match=r"64 rows.*got 40.*d = 1"):
        score_samples(codes, rare, ("a", "b", "c", "d"), metrics=("factor_vae",))


@pytest.mark.parametrize(
    ("metric", "settings"),
    [
        ("dci", Settings(dci=DciSettings(1, 5))),
        ("sap", Settings(sap=SapSettings(1, 5))),
        ("mig", Settings(mig=MigSettings(1))),
    ],
)
def test_a_table_of_which_too_few_rows_are_drawn_is_one_line(
    metric: str, settings: Settings
) -> None:
    setting = f"{metric.capitalize()}Settings.num_train"
    with pytest.raises(InputError, match=rf"of colour.*colour = \d in all 1;.*leave.*{setting}"):
        score_table(CENTRED, SPACE, metrics=(metric,), settings=settings)


def test_codes_far_from_zero_are_pointed_out_and_keep_the_librarys_number() -> None:
    near, far = grid(CENTRED), grid(CENTRED + 30)
    assert near.notes == ()
    assert far.values()["sap"] < near.values()["sap"] - 0.05
    assert any("latents 0, 1, 2: mean more than 2" in note for note in far.notes)
    assert not any("IRS is" in note for note in far.notes)


def test_irs_that_float32_spoils_is_given_beside_the_exact_one() -> None:
    noisy = CENTRED + 0.1 * np.random.RandomState(0).randn(*CENTRED.shape).astype(np.float32)
    far = noisy + np.float32(1e5)
    scores = score_table(far, SPACE, metrics=("irs",))
    exact = score_table(far.astype(np.float64), SPACE, metrics=("irs",))
    assert scores.values()["irs"] < exact.values()["irs"] - 0.1
    note = next(note for note in scores.notes if note.startswith("IRS is"))
    assert f"{scores.values()['irs']:.3f}" in note
    assert f"{exact.values()['irs']:.3f}" in note
    assert not any(note.startswith("IRS is") for note in exact.notes)


def test_hidden_factors_must_exist() -> None:
    with pytest.raises(InputError, match=r"'agnle'.*did you mean angle"):
        score_table(CENTRED, SPACE, metrics=("mig",), hidden=("agnle",))
    with pytest.raises(InputError, match=r"not hidden.*colour"):
        score_table(CENTRED, SPACE, metrics=("mig",), hidden=SPACE.names)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (CENTRED.astype(np.float16), r"float32 or float64.*float16.*astype"),
        (CENTRED.astype(object), r"float32 or float64.*object"),
        (CENTRED.astype(complex), r"float32 or float64.*complex"),
        ([[1.0], [1.0, 2.0]], r"array of shape \(N, C\), got list"),
        (CENTRED[:, :0], r"shape \(N, C\), got \(72, 0\)"),
        (CENTRED[:0], r"72 rows of codes.*got 0"),
    ],
)
def test_codes_of_another_kind_are_one_line(codes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        score_table(codes, SPACE)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (np.zeros((9, 0), np.int64), r"shape \(n, F\).*\(9, 0\)"),
        (np.arange(9), r"shape \(n, F\).*\(9,\)"),
        (np.zeros((2, 2), np.int64), r"at least 3, got \(2, 2\)"),
        (np.full((9, 2), 0.5), r"whole numbers.*got 0.5 in row 0, factor 0"),
        (np.full((9, 2), np.nan), r"whole numbers.*got nan"),
        (np.full((9, 2), None), r"whole numbers or strings.*object"),
        ([[1], [1, 2], [3]], r"shape \(n, F\)"),
        (np.zeros((9, 2), np.int64), r"at least 2 values.*\(1, 1\)"),
    ],
)
def test_factors_of_another_kind_are_one_line(factors: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        score_samples(np.random.default_rng(0).normal(size=(9, 2)), factors)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "1"])
def test_seeds_that_no_random_state_takes_are_one_line(seed: Any) -> None:
    with pytest.raises(InputError, match=f"seed.*got {seed!r}"):
        score_table(CENTRED, SPACE, seed, ("mig",))
    with pytest.raises(InputError, match=f"seed.*got {seed!r}"):
        score_samples(*sample(100), seed=seed, metrics=("mig",))


@pytest.mark.parametrize("count", [0, -3, 1.5, "2"])
def test_counts_must_be_whole_and_positive(count: Any) -> None:
    with pytest.raises(InputError, match=rf"MigSettings\.num_bins.*got {count!r}"):
        MigSettings(num_bins=count)


@pytest.mark.parametrize("scale", [1e-38, 1e-300, 1e12 / 9])
def test_any_magnitude_gives_finite_scores_without_a_warning(
    scale: float, recwarn: pytest.WarningsRecorder
) -> None:
    scores = grid(CENTRED.astype(np.float64) * scale)
    assert all(0 <= value <= 1 for value in scores.values().values())
    scores = grid((CENTRED * np.float32(scale)).astype(np.float32))
    assert all(0 <= value <= 1 for value in scores.values().values())
    assert not recwarn.list


def test_only_metrics_that_are_asked_for_leave_a_factor_out() -> None:
    codes, factors = sample(5000)
    rare = with_rare(factors, 1)
    few = Settings(dci=DciSettings(200, 100), mig=MigSettings(5000), irs=IrsSettings(500))
    for metric, names in (("mig", 4), ("irs", 4), ("dci", 3)):
        scores = score_samples(codes, rare, metrics=(metric,), settings=few)
        assert len(scores.factor_names) == names, metric
        assert ("factor 3" in scores.fixed_factors) == (metric == "dci")
        assert any("factor 3" in note and "1 of" in note for note in scores.notes)


@pytest.mark.parametrize(("num", "is_rare"), [(1, True), (63, True), (64, False)])
def test_a_score_that_a_few_rows_decide_says_so(num: int, is_rare: bool) -> None:
    codes, factors = sample(3000)
    scores = score_samples(codes, with_rare(factors, num), metrics=("mig",))
    found = [note for note in scores.notes if f"factor 3 = 1 is in {num} of 3,000 rows" in note]
    assert len(found) == is_rare


def test_few_rows_of_every_value_are_no_rare_value() -> None:
    codes, factors = sample(90)
    assert not any("few" in note for note in score_samples(codes, factors, metrics=("mig",)).notes)
