"""Codes that would give a wrong number or none: refused, or scored as stated and pointed out."""

import numpy as np
import numpy.typing as npt
import pytest

from submission.factors import FactorSpace
from submission.scoring import Settings, score_table
from submission.scoring.checks import summarise_latents
from submission.scoring.settings import (
    FactorVaeSettings,
    MigSettings,
)
from tests.few_rows import SETTINGS
from tests.few_rows import THREE_FACTORS as SPACE

POINTS = SPACE.index_to_factors(np.arange(SPACE.num_points))
QUICK = ("factor_vae", "sap", "irs", "mig")


def perfect(space: FactorSpace = SPACE) -> npt.NDArray[np.float32]:
    """One latent per factor, values evenly spaced."""
    points = space.index_to_factors(np.arange(space.num_points))
    return points.astype(np.float32)


def test_constant_latents_change_nothing() -> None:
    codes = perfect()
    padded = np.hstack([codes, np.full((SPACE.num_points, 2), 0.1, np.float32)])
    plain = score_table(codes, SPACE, metrics=QUICK, settings=SETTINGS)
    scores = score_table(padded, SPACE, metrics=QUICK, settings=SETTINGS)
    assert scores.factor_vae is not None
    assert scores.factor_vae.eval_accuracy == 1.0
    assert scores.factor_vae.num_active_latents == 3
    assert scores.irs is not None
    assert scores.irs.num_active_latents == 3
    assert scores.values()["mig"] == pytest.approx(plain.values()["mig"])
    assert scores.values()["irs"] == pytest.approx(plain.values()["irs"])
    assert any("latents 3, 4: constant" in note for note in scores.notes)


def test_all_latents_constant_scores_nothing() -> None:
    codes = np.zeros((SPACE.num_points, 3), np.float32)
    scores = score_table(codes, SPACE, metrics=QUICK, settings=SETTINGS)
    assert scores.values() == {"factor_vae": 0.0, "sap": 0.0, "irs": 0.0, "mig": 0.0}
    assert scores.num_active_latents == 0


def test_prune_threshold_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"prune_threshold.*got 0\.0"):
        FactorVaeSettings(prune_threshold=0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e20])
def test_codes_that_are_not_finite_are_refused_with_count_and_place(bad: float) -> None:
    codes = perfect()
    codes[5, 1] = codes[7, 2] = bad
    with pytest.raises(ValueError, match=r"in row 5, column 1 of .*codes: 2, .*columns 1, 2\)"):
        score_table(codes, SPACE)


@pytest.mark.parametrize("codes", [np.zeros((71, 3)), np.zeros((73, 3))])
def test_number_of_codes_must_be_the_product_of_the_sizes(codes: npt.NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match=f"expected 72 rows of codes.*got {len(codes)}"):
        score_table(codes, SPACE)


def test_codes_of_another_shape_or_type_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        score_table(np.zeros(72), SPACE)
    with pytest.raises(ValueError, match="int64"):
        score_table(np.zeros((72, 3), np.int64), SPACE)


def test_one_latent_is_scored_where_that_means_something() -> None:
    codes = perfect()[:, :1]
    scores = score_table(codes, SPACE, metrics=("factor_vae", "irs"), settings=SETTINGS)
    assert scores.irs is not None
    assert scores.irs.factor_of_latent[0] == 0
    assert set(scores.values()) == {"factor_vae", "irs"}
    for metric in ("mig", "sap", "dci"):
        with pytest.raises(ValueError, match=rf"2 latents for {metric}, got 1; ask for"):
            score_table(codes, SPACE, metrics=(metric,), settings=SETTINGS)


def test_factor_with_one_value_scores_as_if_it_were_not_there() -> None:
    with_fixed = FactorSpace(("colour", "light", "size", "angle"), (4, 1, 2, 9))
    scores = score_table(perfect(), with_fixed, metrics=QUICK, settings=SETTINGS)
    plain = score_table(perfect(), SPACE, metrics=QUICK, settings=SETTINGS)
    assert scores.values() == plain.values()
    assert scores.fixed_factors == ("light",)
    assert scores.factor_names == SPACE.names
    assert any("light" in note for note in scores.notes)


def test_no_varying_factor_is_refused_and_one_is_too_for_dci() -> None:
    with pytest.raises(ValueError, match=r"2 values.*\(1,\)"):
        score_table(np.zeros((1, 2)), FactorSpace(("light",), (1,)))
    with pytest.raises(ValueError, match=r"2 factors.*angle.*dci"):
        score_table(np.zeros((9, 2)), FactorSpace(("angle",), (9,)), metrics=("dci",))


def test_outliers_lower_mig_and_are_pointed_out() -> None:
    big = FactorSpace(("colour", "size", "angle"), (10, 10, 40))
    codes = perfect(big) / np.array(big.sizes, np.float32)
    codes += 0.02 * np.random.RandomState(0).randn(*codes.shape).astype(np.float32)
    settings = Settings(mig=MigSettings(4000))
    clean = score_table(codes, big, metrics=("mig",), settings=settings)
    assert clean.notes == ()
    codes[0], codes[-1] = -20, 20
    spoilt = score_table(codes, big, metrics=("mig",), settings=settings)
    assert clean.mig is not None
    assert spoilt.mig is not None
    assert spoilt.mig.mig < clean.mig.mig - 0.1
    assert any("latents 0, 1, 2: a few outliers" in note for note in spoilt.notes)
    assert spoilt.mig.latents.maximum[0] == 20
    assert spoilt.mig.latents.high[0] < 2


@pytest.mark.parametrize("scale", [1e-3, 1e-30])
def test_tiny_latents_are_pointed_out(scale: float) -> None:
    codes = (perfect() * scale).astype(np.float32)
    scores = score_table(codes, SPACE, metrics=QUICK, settings=SETTINGS)
    full = score_table(perfect(), SPACE, metrics=QUICK, settings=SETTINGS)
    assert scores.values()["factor_vae"] == 0.0
    assert scores.values()["sap"] <= full.values()["sap"]
    assert scores.values()["mig"] == pytest.approx(full.values()["mig"])
    # The library's float32 variance of the smaller ones underflows, and IRS drops them.
    irs = full.values()["irs"] if scale == 1e-3 else 0.0
    assert scores.values()["irs"] == pytest.approx(irs, abs=1e-6)
    assert any("standard deviation below 0.05" in note for note in scores.notes)


def test_latent_that_varies_in_its_last_digit_only_is_scored() -> None:
    codes = perfect()
    codes[:, 1] = 1 + np.float32(2**-23) * POINTS[:, 1].astype(np.float32)
    scores = score_table(codes, SPACE, metrics=QUICK, settings=SETTINGS)
    assert all(0 <= value <= 1 for value in scores.values().values())


def test_summary_is_of_each_latent() -> None:
    codes = np.random.RandomState(0).randn(5000, 2).astype(np.float32) * [1, 3] + [0, 5]
    latents = summarise_latents(codes)
    np.testing.assert_allclose(latents.mean, codes.mean(axis=0))
    np.testing.assert_allclose(latents.std, codes.std(axis=0))
    np.testing.assert_allclose(latents.low, np.quantile(codes, 0.001, axis=0))
    assert not latents.stretched().any()
