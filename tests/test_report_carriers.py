"""Which latent carries a factor, and how well, as the matrices of the metrics say."""

from pathlib import Path

import numpy as np
import pytest

from submission.report.carriers import VERDICTS, carriers_of, verdict_of
from submission.report.matrices import Matrix, following, matrices_of, order_latents
from tests.report_experiment import LATENT_OF, Planted, plant


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return plant(tmp_path)


@pytest.mark.parametrize(
    ("gap", "accuracy", "size", "word"),
    [
        (0.5, None, 2, "one latent"),
        (0.49, 1.0, 6, "mainly one"),
        (0.2, 0.1, 40, "mainly one"),
        (0.19, 0.75, 2, "shared"),
        (0.19, 0.74, 2, "weak"),
        (0.0, 0.52, 40, "shared"),
        (0.1, None, 3, "unknown"),
        (None, 1.0, 3, "unknown"),
    ],
)
def test_verdicts(gap: float | None, accuracy: float | None, size: int, word: str) -> None:
    assert verdict_of(gap, accuracy, size) == word
    assert word in VERDICTS


def test_latents_are_ordered_by_their_factors() -> None:
    values = np.array([[0.1, 0.3], [0.9, 0.2], [0.0, 0.05], [0.5, 0.4], [0.2, 0.9]])
    matrix = Matrix("mig", "", "", values, floor=np.full(2, 0.1))
    assert following(matrix).tolist() == [1, 0, -1, 0, 1]
    active = np.array([True, False, True, True, True])
    assert order_latents(matrix, active) == [3, 4, 0, 2, 1]


def test_matrices_agree_in_shape_and_range(planted: Planted) -> None:
    matrices = matrices_of(planted.scores)
    assert [matrix.metric for matrix in matrices] == ["mig", "dci", "sap", "factor_vae", "irs"]
    for matrix in matrices:
        assert matrix.values.shape == (9, 6)
        assert matrix.values.min() >= 0
        assert matrix.values.max() <= 1
        assert matrix.values.argmax(axis=0).tolist() == list(LATENT_OF.values())
    for metric in ("dci", "factor_vae"):
        (matrix,) = (matrix for matrix in matrices if matrix.metric == metric)
        np.testing.assert_allclose(matrix.values.sum(axis=0), 1)


def test_carriers_name_the_planted_latents(planted: Planted) -> None:
    carriers = carriers_of(planted.scores, matrices_of(planted.scores)[0], read=None)
    assert {carrier.factor: carrier.latent for carrier in carriers} == LATENT_OF
    assert [carrier.second for carrier in carriers][-2:] == [7, 2]
