"""Factors that are drawn but not scored, as the library does with smallnorb's instance."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data.ground_truth import GridData, as_ground_truth
from submission.data.image_set import ImageSet
from submission.factors import FactorSpace
from submission.scoring import score_table
from submission.scoring.library import library
from submission.scoring.reference import perfect_codes

SPACE = FactorSpace(("shape", "instance", "light"), (4, 5, 6))
HIDDEN = ("instance",)


def numbered_images() -> ImageSet:
    """Makes images whose brightness is their number."""
    levels = np.arange(SPACE.num_points, dtype=np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (SPACE.num_points, 64, 64, 3))
    return ImageSet("numbered", Path(), images, SPACE, HIDDEN)


def test_the_draws_are_the_librarys() -> None:
    theirs, ours = as_ground_truth(numbered_images()), GridData(SPACE, HIDDEN)
    assert ours.num_factors == theirs.num_factors == 2
    assert ours.factors_num_values == theirs.factors_num_values == [4, 6]
    factors, images = theirs.sample(50, np.random.RandomState(3))
    again, points = ours.sample(50, np.random.RandomState(3))
    assert (again == factors).all()
    assert (points == np.round(images[:, 0, 0, 0] * 255)).all()
    assert len(np.unique(SPACE.index_to_factors(points)[:, 1])) == 5


def test_the_score_is_the_librarys_on_images() -> None:
    codes = perfect_codes(SPACE, noise=0.3)

    def represent(images: npt.NDArray[Any]) -> npt.NDArray[np.floating[Any]]:
        points = np.round(images[:, 0, 0, 0] * 255).astype(np.int64)
        rows: npt.NDArray[np.float32] = codes[points]
        return rows

    scores = score_table(codes, SPACE, seed=1, metrics=("mig",), hidden=HIDDEN)
    assert scores.factor_names == ("shape", "light")
    assert scores.mig is not None
    drawn = library().utils.generate_batch_factor_code(
        as_ground_truth(numbered_images()), represent, 10_000, np.random.RandomState(1), 16
    )
    ours = library().utils.generate_batch_factor_code(
        GridData(SPACE, HIDDEN), codes.__getitem__, 10_000, np.random.RandomState(1), 16
    )
    assert (drawn[0] == ours[0]).all()
    assert (drawn[1] == ours[1]).all()
    assert 0.3 < scores.mig.mig < 1
