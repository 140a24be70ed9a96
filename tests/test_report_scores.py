"""The table of scores: rows that may be compared, scales, and spreads over seeds."""

from dataclasses import replace

import numpy as np
import pytest

from submission.report.score_rows import score_groups
from submission.scoring.aggregate import spreads_of_seeds
from submission.scoring.results import Source
from submission.scoring.text_tables import OTHER_IMAGES, Row
from tests.report_experiment import Planted, plant

ROWS = (
    Row("mine on x", {"sap": 0.2, "mig": 0.3}),
    Row("perfect code", {"sap": 0.4, "mig": 0.9}),
    Row("paper, on mpi3d_real", {"sap": 0.22}),
)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return plant(tmp_path_factory.mktemp("planted"))


def source(name: str) -> Source:
    return Source(name, "a" * 64, "b" * 64, "c" * 64)


def test_published_rows_stand_apart_unless_the_images_are_theirs() -> None:
    for name in ("standin_real", "mpi3d_toy"):
        ours, published = score_groups(ROWS, source(name), is_rendered=False)
        assert ours.rows == ROWS[:2]
        assert published.rows == (replace(ROWS[2], note=OTHER_IMAGES),)
        assert published.marks == {}
    (all_rows,) = score_groups(ROWS, source("mpi3d_real"), is_rendered=False)
    assert all_rows.rows == ROWS
    assert len(score_groups(ROWS, source("mpi3d_real"), is_rendered=True)) == 2
    assert len(score_groups(ROWS, None, is_rendered=False)) == 2


def test_saps_bar_is_full_at_the_best_and_the_perfect_code_is_marked() -> None:
    ours, published = score_groups(ROWS, None, is_rendered=False)
    assert ours.scales == {"sap": 0.4, "mig": 1}
    assert ours.marks == {"sap": 0.4, "mig": 0.9}
    assert published.scales == {"sap": 0.22}


def test_seeds_have_mean_deviation_and_range(planted: Planted) -> None:
    scores = planted.scores
    assert scores.mig is not None
    values = (0.2, 0.5, 0.8)
    seeds = [
        replace(scores, seed=seed, dci=None, mig=replace(scores.mig, mig=value))
        for seed, value in enumerate(values)
    ]
    seeds[0] = replace(seeds[0], dci=scores.dci)
    found = spreads_of_seeds(seeds)
    assert "dci" not in found
    assert found["mig"].mean == pytest.approx(0.5)
    assert found["mig"].std == pytest.approx(np.std(values, ddof=1))
    assert (found["mig"].low, found["mig"].high) == (0.2, 0.8)
    assert spreads_of_seeds([scores]) == {}
