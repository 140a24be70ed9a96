"""Noise carries no factor: no verdict, no role and no sentence of a report says that it does."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from submission.factors import FactorSpace
from submission.report import write_page
from submission.report.carriers import carriers_of
from submission.report.confusions import read_by_all
from submission.report.matrices import following, matrices_of
from submission.report.subject import Subject
from submission.scoring import Settings, score_samples, score_table
from submission.scoring.results import Scores
from submission.scoring.settings import DciSettings
from submission.scoring.text_tables import Row, factor_table

SMALL = FactorSpace(("colour", "shape", "size"), (6, 4, 3))
POINTS = SMALL.index_to_factors(np.arange(SMALL.num_points))
SETTINGS = Settings(dci=DciSettings(num_train=1000, num_test=300))


def noise(seed: int, num_rows: int = SMALL.num_points) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(num_rows, 5))


@pytest.fixture(scope="module")
def scores() -> Scores:
    """Scores of noise on a grid that is smaller than the draws of DCI."""
    return score_table(noise(0), SMALL, metrics=("dci", "sap", "mig"), settings=SETTINGS)


def test_trees_know_noise_on_a_small_grid_by_heart(scores: Scores) -> None:
    assert scores.dci is not None
    assert scores.dci.test_accuracy_per_factor.min() > 0.9
    assert "100 %" in factor_table(scores).splitlines()[-1]
    assert "%" not in factor_table(replace(scores, num_rows=1_036_800))
    assert "%" not in factor_table(replace(scores, kind="samples"))


def test_no_verdict_is_drawn_from_noise(scores: Scores, tmp_path: Path) -> None:
    subject = Subject("noise", (scores,), (Row("noise", scores.values()),), noise(0), POINTS)
    text = write_page(subject, tmp_path).read_text(encoding="utf-8")
    text, _, latents = text.partition('id="latents"')
    rows = re.findall(r'<tr><th scope="row">(\w+) <small>.*?</tr>', text, re.DOTALL)
    assert rows == list(SMALL.names)
    verdicts = re.findall(r'data-label="Verdict"><span class="chip [\w-]+">([\w ]+)<', text)
    assert verdicts == ["weak"] * 3
    assert not re.search(r"z\d alone tells", text)
    assert latents.count("no single factor") >= 5


@pytest.mark.parametrize("num_rows", [40, 200, 2000])
def test_noise_follows_no_factor_however_few_the_rows(num_rows: int) -> None:
    for seed in range(5):
        factors = np.random.default_rng(seed).integers((2, 5, 10), size=(num_rows, 3))
        codes = noise(seed, num_rows)
        codes[:, 1:] = 0.0  # constant latents make no gap smaller
        (matrix,) = matrices_of(score_samples(codes, factors, metrics=("mig",)))
        assert (following(matrix) == -1).all()
        grid = FactorSpace(("a", "b"), (10, num_rows // 10))
        table = score_table(noise(seed, grid.num_points), grid, metrics=("mig",))
        assert (following(matrices_of(table)[0]) == -1).all()


def test_a_gap_that_chance_explains_is_none() -> None:
    factors = np.random.default_rng(1).integers(10, size=(60, 2))
    codes = noise(1, 60)
    codes[:, 1:] = 0.0
    scores = score_samples(codes, factors, metrics=("mig",))
    assert scores.mig is not None
    assert scores.mig.gap_per_factor.max() > 0.2
    for carrier in carriers_of(scores, matrices_of(scores)[0], np.full(2, 0.1)):
        assert carrier.verdict == "weak"


def test_roles_and_verdicts_are_withheld_where_nothing_decides_them(scores: Scores) -> None:
    (matrix,) = matrices_of(score_table(noise(0), SMALL, metrics=("irs",)))
    assert (following(matrix) == -1).all()
    for carrier in carriers_of(scores, matrices_of(scores)[0], None):
        assert carrier.verdict == "unknown"


def test_a_factor_spread_over_latents_is_read_from_images_that_were_not_learnt_from() -> None:
    factors = np.random.default_rng(0).integers(8, size=(1000, 2))
    angle = 2 * np.pi * factors[:, 0] / 8
    codes = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    spread, absent = read_by_all(codes + noise(0, 1000)[:, :2] / 20, factors)
    assert spread > 0.95
    assert absent < 0.25


def test_codes_without_information_have_no_best_latent(tmp_path: Path) -> None:
    codes = np.full((SMALL.num_points, 3), 0.3)
    scores = score_table(codes, SMALL, metrics=("sap", "mig"), settings=SETTINGS)
    for metrics in (scores, replace(scores, mig=None)):
        subject = Subject("none", (metrics,), (Row("none", metrics.values()),), codes, POINTS)
        text = write_page(subject, tmp_path).read_text(encoding="utf-8")
        assert re.findall(r'data-label="Best latent"><strong>(\w+)<', text) == ["none"] * 3
        assert not re.search(r"z\d( alone)? (tells|has)", text)
