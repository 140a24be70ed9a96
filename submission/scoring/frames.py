"""Scores and codes as pandas frames."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from submission.errors import InputError
from submission.scoring.metrics.catalogue import ALL_METRICS
from submission.scoring.results import Scores

__all__ = ["codes_frame", "scores_frame"]


def scores_frame(results: Mapping[str, Sequence[Scores]]) -> pd.DataFrame:
    """Lays scores out as a frame: a row for each name and seed, a column for each metric.

    A metric that was not computed is NaN. `scores_frame(results).groupby("name").mean()` gives the
    mean over the seeds of each name, and `.std()` their standard deviation (n - 1).

    Args:
        results: names, and the scores of each, one for each seed.

    Example:
        >>> from submission.scoring import score_samples
        >>> factors = np.random.default_rng(0).integers(3, size=(1000, 2))
        >>> scores = score_samples(factors * 1.0, factors, metrics=("irs",))
        >>> scores_frame({"factors": [scores]})["irs"]
        name     seed
        factors  0       1.0
        Name: irs, dtype: float64
    """
    rows = [
        {"name": name, "seed": scores.seed, **scores.values()}
        for name, runs in results.items()
        for scores in runs
    ]
    frame = pd.DataFrame(rows, columns=["name", "seed", *ALL_METRICS])
    return frame.set_index(["name", "seed"]).astype(float)


def codes_frame(codes: npt.ArrayLike, factors: npt.ArrayLike, names: Sequence[str]) -> pd.DataFrame:
    """Lays codes out as a frame, with the factors beside them.

    Latents are columns 0, 1 and so on; the factor colour is the column `factor:colour`.
    `codes_frame(...).to_csv("codes.csv", index=False)` writes a file that the command `score`
    reads.

    Args:
        codes: (n, C) numbers.
        factors: (n, F) whole numbers or strings.
        names: F names.

    Raises:
        InputError: if the shapes do not fit together.

    Example:
        >>> frame = codes_frame([[0.5, 1.5], [0.25, 1.0]], [[0], [1]], ["colour"])
        >>> frame.groupby("factor:colour")[0].mean().to_dict()
        {0: 0.5, 1: 0.25}
    """
    latents, values = np.asarray(codes), np.asarray(factors)
    if latents.ndim != 2 or values.shape != (len(latents), len(names)):
        raise InputError(
            f"expected codes of shape (n, C) and factors of shape (n, {len(names)}), got "
            f"{latents.shape} and {values.shape}; give a row for each image and a name for each "
            "factor"
        )
    columns = [f"factor:{name}" for name in names]
    return pd.concat([pd.DataFrame(latents), pd.DataFrame(values, columns=columns)], axis=1)
