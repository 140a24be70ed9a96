"""Scores recomputed from the matrices beside them, breakdowns, plain data, and imports."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from submission.errors import InputError
from submission.scoring import Scores, score_samples, score_table, scores_from_dict
from tests.few_rows import FOUR_FACTORS as SPACE
from tests.few_rows import SETTINGS

POINTS = SPACE.index_to_factors(np.arange(SPACE.num_points))


def mixed_codes() -> npt.NDArray[np.float32]:
    """Six latents: a factor each with some of another mixed in and noise, a noise, a constant."""
    scaled = POINTS / np.array(SPACE.sizes) * 3
    noise = np.random.RandomState(0).randn(SPACE.num_points, 5)
    mixed = scaled + 0.2 * np.roll(scaled, 1, axis=1) + 0.2 * noise[:, :4]
    codes = np.hstack([mixed, noise[:, 4:], 0 * noise[:, 4:]])
    return codes.astype(np.float32)


@pytest.fixture(scope="module")
def scores() -> Scores:
    return score_table(mixed_codes(), SPACE, seed=1, settings=SETTINGS)


def test_factor_vae_follows_from_its_votes(scores: Scores) -> None:
    result = scores.factor_vae
    assert result is not None
    majority = result.train_votes.argmax(axis=0)
    right = result.eval_votes[majority, np.arange(scores.num_latents)].sum()
    assert result.eval_accuracy == right / SETTINGS.factor_vae.num_eval
    assert result.train_votes.sum() == SETTINGS.factor_vae.num_train
    assert result.train_votes[:, ~result.active].sum() == 0
    np.testing.assert_array_equal(result.factor_of_latent[:4], np.arange(4))
    weights = result.eval_votes.sum(axis=1)
    assert np.average(result.accuracy_per_factor, weights=weights) == pytest.approx(
        result.eval_accuracy
    )


def test_dci_follows_from_its_importances(scores: Scores) -> None:
    result = scores.dci
    assert result is not None
    shares = result.importances / result.importances.sum()
    rows = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    entropy = -(rows * np.log(np.maximum(rows, 1e-300))).sum(axis=1) / np.log(SPACE.num_factors)
    assert result.disentanglement == pytest.approx(
        (shares.sum(axis=1) * (1 - entropy)).sum(), abs=1e-6
    )
    assert result.weight_of_latent @ result.disentanglement_per_latent == pytest.approx(
        result.disentanglement
    )
    assert result.informativeness_test == pytest.approx(result.test_accuracy_per_factor.mean())
    np.testing.assert_allclose(result.importances.sum(axis=0), 1)


def test_sap_follows_from_its_accuracies(scores: Scores) -> None:
    result = scores.sap
    assert result is not None
    second, best = np.sort(result.accuracies, axis=0)[-2:]
    assert result.sap == pytest.approx((best - second).mean())
    np.testing.assert_array_equal(result.latent_of_factor, np.arange(4))


def test_mig_follows_from_its_information(scores: Scores) -> None:
    result = scores.mig
    assert result is not None
    second, best = np.sort(result.mutual_information, axis=0)[-2:]
    assert result.mig == pytest.approx(((best - second) / result.entropies).mean())
    np.testing.assert_allclose(result.entropies, np.log(SPACE.sizes), atol=0.01)
    np.testing.assert_array_equal(result.latent_of_factor, np.arange(4))


def test_irs_follows_from_its_matrix(scores: Scores) -> None:
    result = scores.irs
    assert result is not None
    assert result.irs == pytest.approx(
        np.average(result.matrix.max(axis=1), weights=result.max_deviations)
    )
    assert result.factor_of_latent[-1] == -1
    assert result.num_active_latents == 5
    np.testing.assert_array_equal(result.matrix[-1], 0)


def test_same_seed_same_scores_and_other_seed_others() -> None:
    quick = ("factor_vae", "sap", "irs", "mig")

    def values(seed: int) -> dict[str, float]:
        return score_table(mixed_codes(), SPACE, seed, quick, SETTINGS).values()

    assert values(1) == values(1)
    assert values(1) != values(2)


def test_scores_survive_json(scores: Scores) -> None:
    content = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    again = scores_from_dict(content)
    assert again.to_dict() == scores.to_dict()
    assert again.values() == scores.values()
    assert again.settings == scores.settings


def test_scores_of_missing_fields_are_refused(scores: Scores) -> None:
    content = scores.to_dict()
    del content["seed"]
    with pytest.raises(ValueError, match="expected the fields"):
        scores_from_dict(content)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("factor_sizes", [7, 4.5]),
        ("factor_sizes", 28),
        ("factor_names", ["colour", 4]),
        ("notes", "text"),
        ("latents", {"mean": ["a"], "std": 1, "minimum": 1, "low": 1, "high": 1, "maximum": 1}),
    ],
)
def test_scores_with_fields_of_another_type_are_refused(
    scores: Scores, name: str, value: Any
) -> None:
    with pytest.raises(InputError, match=r"expected .*, got"):
        scores_from_dict({**scores.to_dict(), name: value})


def test_only_the_metrics_asked_for() -> None:
    scores = score_table(mixed_codes(), SPACE, metrics=("mig", "irs"), settings=SETTINGS)
    assert list(scores.values()) == ["irs", "mig"]
    assert scores.dci is None
    with pytest.raises(ValueError, match="distinct metrics"):
        score_table(mixed_codes(), SPACE, metrics=("migg",))


def test_samples_of_a_whole_grid_score_like_the_table(scores: Scores) -> None:
    # The same 168 codes four times over, so that no metric runs short of rows.
    codes, factors = np.tile(mixed_codes(), (4, 1)), np.tile(POINTS, (4, 1))
    samples = score_samples(codes, factors, SPACE.names, settings=SETTINGS)
    assert samples.kind == "samples"
    for metric, value in samples.values().items():
        assert value == pytest.approx(scores.values()[metric], abs=0.06), metric


def test_samples_with_too_few_rows_of_a_value_are_refused() -> None:
    factors = POINTS[:100]  # colour 2 is cut short
    with pytest.raises(ValueError, match="with colour = 2; give more rows"):
        score_samples(
            mixed_codes()[:100], factors, SPACE.names, metrics=("factor_vae",), settings=SETTINGS
        )


def run(program: str) -> tuple[str, str]:
    """Runs a program in a fresh interpreter, warnings shown; gives what it printed."""
    words = [sys.executable, "-W", "default", "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_nothing_heavy_is_imported_before_scoring() -> None:
    program = (
        "import sys, submission.scoring\n"
        "print({'numba', 'sklearn', 'tensorflow', 'torch'} & set(sys.modules))"
    )
    assert run(program) == ("set()\n", "")


def test_library_is_imported_without_a_sound() -> None:
    program = (
        "import logging, warnings\n"
        "from submission.scoring.library import library\n"
        "library(); library()\n"
        "assert not logging.getLogger().handlers and not logging.getLogger().filters\n"
    )
    assert run(program) == ("", "")
