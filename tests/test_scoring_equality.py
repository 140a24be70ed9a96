"""The library untouched, on images, against the table: the same five scores."""

from collections.abc import Iterator
from typing import Any

import gin
import numpy as np
import numpy.typing as npt
import pytest

from submission.data.ground_truth import GridData
from submission.scoring import ALL_METRICS, Scores, score_table
from submission.scoring.draws import Rows
from submission.scoring.library import library
from submission.scoring.metrics import dci
from submission.scoring.metrics.dci import Trees
from tests.few_rows import FOUR_FACTORS as SPACE
from tests.few_rows import SETTINGS

SEED = 3
FLOAT_NOISE = 1e-6
"""What differing batches may change in a float32 code, and so in a score other than a count."""


def make_images() -> npt.NDArray[np.uint8]:
    """Renders a grid of patterns: each factor drives a wave of its own, plus fixed noise."""
    factors = SPACE.index_to_factors(np.arange(SPACE.num_points)) / np.array(SPACE.sizes)
    waves = np.random.RandomState(0).randn(SPACE.num_factors, 16 * 16 * 3)
    noise = np.random.RandomState(1).randn(SPACE.num_points, 16 * 16 * 3)
    pixels = 128 + 60 * np.tanh(factors @ waves) + 10 * noise
    images: npt.NDArray[np.uint8] = pixels.clip(0, 255).astype(np.uint8)
    return images.reshape(-1, 16, 16, 3)


def represent(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Encodes (n, 16, 16, 3) images in [0, 1], six latents of which the last is constant."""
    weights = np.random.RandomState(2).randn(16 * 16 * 3, 6) / 8
    weights[:, 5] = 0
    # Row by row, so that a code does not depend on the others of its batch.
    sums = np.einsum("np,pc->nc", images.reshape(len(images), -1) - 0.5, weights)
    codes: npt.NDArray[np.float32] = np.tanh(sums).astype(np.float32)
    return codes


class ImageData:
    """The image set as the library would hold it: factor values to images in [0, 1]."""

    def __init__(self, images: npt.NDArray[np.uint8]) -> None:
        from disentanglement_lib.data.ground_truth import util

        self.images = images
        self.state_space = util.SplitDiscreteStateSpace(list(SPACE.sizes), [0, 1, 2, 3])
        self.num_factors = SPACE.num_factors

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> Any:
        return self.state_space.sample_latent_factors(num, random_state)

    def sample_observations_from_factors(
        self, factors: Any, random_state: np.random.RandomState
    ) -> Any:
        every = self.state_space.sample_all_factors(factors, random_state)
        bases = SPACE.num_points / np.cumprod(SPACE.sizes)
        return self.images[np.dot(every, bases).astype(np.int64)] / 255.0

    def sample(self, num: int, random_state: np.random.RandomState) -> Any:
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num: int, random_state: np.random.RandomState) -> Any:
        return self.sample(num, random_state)[1]


@pytest.fixture(scope="module")
def images() -> npt.NDArray[np.uint8]:
    return make_images()


@pytest.fixture(scope="module")
def untouched(images: npt.NDArray[np.uint8]) -> Iterator[dict[str, dict[str, Any]]]:
    """The results of the library's public functions, set up through gin as in the challenge."""
    lib = library()
    before = {key: dict(value) for key, value in gin.config._CONFIG.items()}
    operative = {key: dict(value) for key, value in gin.config._OPERATIVE_CONFIG.items()}
    s = SETTINGS
    with gin.unlock_config():
        gin.bind_parameter("prune_dims.threshold", s.factor_vae.prune_threshold)
        gin.bind_parameter("discretizer.num_bins", 20)
        gin.bind_parameter("discretizer.discretizer_fn", lib.utils._histogram_discretize)
    data = ImageData(images)

    def state() -> np.random.RandomState:
        return np.random.RandomState(SEED)

    np.random.seed(0)
    yield {
        "factor_vae": lib.factor_vae.compute_factor_vae(
            data,
            represent,
            state(),
            batch_size=s.factor_vae.batch_size,
            num_train=s.factor_vae.num_train,
            num_eval=s.factor_vae.num_eval,
            num_variance_estimate=s.factor_vae.num_variance_estimate,
        ),
        "dci": lib.dci.compute_dci(
            data, represent, state(), num_train=s.dci.num_train, num_test=s.dci.num_test
        ),
        "sap": lib.sap_score.compute_sap(
            data,
            represent,
            state(),
            num_train=s.sap.num_train,
            num_test=s.sap.num_test,
            continuous_factors=False,
        ),
        "irs": lib.irs.compute_irs(
            data,
            represent,
            state(),
            diff_quantile=s.irs.diff_quantile,
            num_train=s.irs.num_train,
            batch_size=s.irs.batch_size,
        ),
        "mig": lib.mig.compute_mig(data, represent, state(), num_train=s.mig.num_train),
    }
    for settings, saved in (
        (gin.config._CONFIG, before),
        (gin.config._OPERATIVE_CONFIG, operative),
    ):
        settings.clear()
        settings.update(saved)


def library_trees(train: Rows, test: Rows, _: int) -> Trees:
    """Fits the library's boosted trees, scikit-learn's, factor by factor."""
    fits = [
        library().dci.compute_importance_gbt(
            train[0], train[1][factor : factor + 1], test[0], test[1][factor : factor + 1]
        )
        for factor in range(len(train[1]))
    ]
    found, train_accuracies, test_accuracies = zip(*fits, strict=True)
    return Trees(np.hstack(found), np.array(train_accuracies), np.array(test_accuracies))


@pytest.fixture(scope="module")
def ours(images: npt.NDArray[np.uint8]) -> Scores:
    """The same from a table, with the library's trees seeded alike."""
    table = represent(images / 255.0)
    np.random.seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dci, "boosted_importances", library_trees)
        return score_table(table, SPACE, SEED, settings=SETTINGS)


def test_factor_vae_is_the_librarys_exactly(
    ours: Scores, untouched: dict[str, dict[str, Any]]
) -> None:
    assert ours.factor_vae is not None
    assert 0.3 < ours.factor_vae.eval_accuracy < 1
    assert ours.factor_vae.eval_accuracy == untouched["factor_vae"]["eval_accuracy"]
    assert ours.factor_vae.train_accuracy == untouched["factor_vae"]["train_accuracy"]


@pytest.mark.parametrize(
    ("metric", "field", "theirs"),
    [
        ("dci", "disentanglement", "disentanglement"),
        ("dci", "completeness", "completeness"),
        ("dci", "informativeness_train", "informativeness_train"),
        ("dci", "informativeness_test", "informativeness_test"),
        ("sap", "sap", "SAP_score"),
        ("irs", "irs", "IRS"),
        ("mig", "mig", "discrete_mig"),
    ],
)
def test_scores_are_the_librarys_up_to_float_noise(
    ours: Scores, untouched: dict[str, dict[str, Any]], metric: str, field: str, theirs: str
) -> None:
    value = getattr(getattr(ours, metric), field)
    assert 0 < value <= 1
    assert value == pytest.approx(untouched[metric][theirs], abs=FLOAT_NOISE)


def test_fast_trees_give_the_librarys_dci(
    images: npt.NDArray[np.uint8], untouched: dict[str, dict[str, Any]]
) -> None:
    table = represent(images / 255.0)
    fast = score_table(table, SPACE, SEED, metrics=("dci",), settings=SETTINGS).dci
    assert fast is not None
    # Draws from 168 points repeat rows, so splits tie, and scikit-learn breaks ties by chance.
    for field, theirs in untouched["dci"].items():
        assert getattr(fast, field) == pytest.approx(theirs, abs=0.01), field


def test_active_latents_are_counted_where_the_library_does_not(
    ours: Scores, untouched: dict[str, dict[str, Any]]
) -> None:
    assert ours.factor_vae is not None
    assert ours.irs is not None
    assert ours.num_active_latents == ours.factor_vae.num_active_latents == 5
    assert ours.irs.num_active_latents == 5
    assert untouched["factor_vae"]["num_active_dims"] == 6


def test_grid_draws_factors_as_the_librarys_state_space() -> None:
    library()
    from disentanglement_lib.data.ground_truth import util

    state_space = util.SplitDiscreteStateSpace(list(SPACE.sizes), [0, 1, 2, 3])
    theirs, mine = np.random.RandomState(5), np.random.RandomState(5)
    for num in (1, 16, 3):
        drawn = GridData(SPACE).sample_factors(num, mine)
        np.testing.assert_array_equal(drawn, state_space.sample_latent_factors(num, theirs))


def test_scoring_leaves_gins_settings_alone(images: npt.NDArray[np.uint8]) -> None:
    library()
    before, operative = gin.config_str(), gin.operative_config_str()
    quick = tuple(metric for metric in ALL_METRICS if metric != "dci")
    score_table(represent(images / 255.0), SPACE, metrics=quick, settings=SETTINGS)
    assert gin.config_str() == before
    assert gin.operative_config_str() == operative
