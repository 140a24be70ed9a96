"""The table of scores: rows that may be compared, scales, and spreads over seeds."""

from dataclasses import replace

import numpy as np
import pytest

from submission.report.score_rows import images_of, score_groups
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


def test_published_rows_stand_apart_unless_the_images_are_theirs() -> None:
    for images in ("standin_real, 6 x 6 x 2", "mpi3d_toy"):
        ours, published = score_groups(ROWS, images, is_rendered=False)
        assert ours.rows == ROWS[:2]
        assert published.rows == (replace(ROWS[2], note=OTHER_IMAGES),)
        assert published.marks == {}
    (all_rows,) = score_groups(ROWS, "mpi3d_real", is_rendered=False)
    assert all_rows.rows == ROWS
    assert len(score_groups(ROWS, "mpi3d_real", is_rendered=True)) == 2


def test_images_are_named_with_their_grid_where_there_are_several(planted: Planted) -> None:
    def name(data: str, sizes: tuple[int, ...]) -> str:
        source = Source(data, "a" * 64, "b" * 64, "c" * 64)
        return images_of(replace(planted.scores, factor_sizes=sizes, source=source))

    assert name("mpi3d_real", (6, 6, 2, 3, 3, 40, 40)) == "mpi3d_real"
    assert name("mpi3d_real", (6, 6, 2)) == "mpi3d_real, 6 x 6 x 2"
    assert name("standin_real", (6, 6, 2)) == "standin_real, 6 x 6 x 2"
    assert name("mine", (4, 5)) == "mine"


def test_saps_bar_is_full_at_the_best_and_the_perfect_code_is_marked() -> None:
    ours, published = score_groups(ROWS, "x", is_rendered=False)
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
