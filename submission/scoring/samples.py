"""Factors of a sample: their values numbered by rank, and what is too rare to be scored."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from submission.errors import InputError
from submission.scoring.arrays import Array, IntArray
from submission.scoring.checks import as_array
from submission.scoring.draws import SampleDraws
from submission.scoring.metrics.factor_vae import FactorVaeSettings
from submission.scoring.settings import Settings

__all__ = ["numbered_factors", "scarce_value", "undrawn"]

MIN_ROWS = 3

FEW, RARE_SHARE = 64, 0.1
"""A value with fewer rows, and less than this part of an even share, gets a note."""


def numbered_factors(factors: npt.ArrayLike) -> tuple[IntArray, list[Array]]:
    """Numbers each factor's values from 0 by rank, so that no metric depends on their size.

    Args:
        factors: (n, F) whole numbers, booleans or strings; whole numbers may be stored as floats.

    Returns:
        (n, F) numbers, and for each factor its values in ascending order.

    Raises:
        InputError: for another shape or kind, for numbers that are not whole, or fewer than 3 rows.

    Example:
        >>> numbered_factors([["red"], ["blue"], ["red"]])[0][:, 0]
        array([1, 0, 1])
    """
    values = as_array(factors, "factors as an array of shape (n, F)")
    if values.ndim != 2 or values.shape[1] < 1 or len(values) < MIN_ROWS:
        raise InputError(
            f"expected factors of shape (n, F) with n of at least {MIN_ROWS}, got {values.shape}"
        )
    if values.dtype.kind not in "biufUS":
        raise InputError(f"expected whole numbers or strings as factors, got {values.dtype}")
    if values.dtype.kind == "f":
        whole = np.isfinite(values) & (values == np.floor(values))
        if not whole.all():
            row, factor = np.argwhere(~whole)[0]
            raise InputError(
                f"expected whole numbers as factors, got {values[row, factor]} in row {row}, "
                f"factor {factor}; number the values, such as with np.unique(..., "
                "return_inverse=True)"
            )
    found = [np.unique(column, return_inverse=True) for column in values.T]
    numbers = np.stack([inverse.reshape(-1) for _, inverse in found], axis=1).astype(np.int64)
    return numbers, [labels for labels, _ in found]


def undrawn(
    draws: SampleDraws,
    labels: Mapping[str, Array],
    settings: Settings,
    metrics: Sequence[str],
) -> tuple[dict[str, str], list[str]]:
    """Finds what is too rare to be in the rows that a metric is fitted on.

    Args:
        draws: the sample.
        labels: each factor's values.
        settings: how many rows are drawn.
        metrics: those that are computed.

    Returns:
        a note for each factor with one value only in such rows, and a note for each other factor
        with a value that is in none of them, or in so few rows that its scores say little.

    Example:
        >>> from submission.factors import FactorSpace
        >>> from submission.scoring.metrics.mig import MigSettings
        >>> factors = np.zeros((100, 1), dtype=np.int64)
        >>> factors[7] = 1
        >>> draws = SampleDraws(FactorSpace(("shape",), (2,)), factors * 1.0, factors, seed=0)
        >>> settings = Settings(mig=MigSettings(num_train=10))
        >>> undrawn(draws, {"shape": np.array(["cube", "ball"])}, settings, ("mig",))
        ({'shape': 'shape is left out: the 10 rows drawn for mig all have shape = cube, ...'}, [])
    """
    nums = {
        "dci": (settings.dci.num_train, settings.dci.num_test),
        "sap": (settings.sap.num_train, settings.sap.num_test),
        "mig": (settings.mig.num_train,),
    }
    fitted = {name: draws.rows(num, 0)[0][1] for name, num in nums.items() if name in metrics}
    left_out, notes = {}, []
    num_rows = len(draws.factors)
    for f, name in enumerate(draws.space.names):
        counts = np.bincount(draws.factors[:, f])
        found = {metric: set(rows[f].tolist()) for metric, rows in fitted.items()}
        if single := [metric for metric, values in found.items() if len(values) == 1]:
            metric = single[0]
            (value,) = found[metric]
            left_out[name] = (
                f"{name} is left out: the {fitted[metric].shape[1]:,} rows drawn for {metric} all "
                f"have {name} = {labels[name][value]}, and only {num_rows - counts[value]:,} of "
                f"all {num_rows:,} rows another value. Give more such rows; in Python, "
                f"Settings.{metric}.num_train can be higher."
            )
            continue
        lacking = [metric for metric, values in found.items() if len(values) < len(counts)]
        if lacking:
            rare = sorted(set(range(len(counts))) - set.intersection(*found.values()))
            others = f"; of its other values, {len(rare) - 1} lack, too" if len(rare) > 1 else ""
            notes.append(
                f"{name} = {labels[name][rare[0]]} is in {counts[rare[0]]:,} of {num_rows:,} rows "
                f"and in none of those drawn for {', '.join(lacking)}{others}."
            )
        elif counts.min() < min(FEW, RARE_SHARE * num_rows / len(counts)):
            notes.append(
                f"{name} = {labels[name][counts.argmin()]} is in {counts.min():,} of {num_rows:,} "
                f"rows only, so the part of {name} in each score depends on these few. Give more "
                f"rows with it, or leave {name} out."
            )
    return left_out, notes


def scarce_value(
    draws: SampleDraws, labels: Mapping[str, Array], settings: FactorVaeSettings
) -> str | None:
    """Says which value has too few rows for a vote of FactorVAE; None if there is none.

    Example:
        >>> from submission.factors import FactorSpace
        >>> factors = np.arange(100)[:, None] // 90
        >>> draws = SampleDraws(FactorSpace(("shape",), (2,)), factors * 1.0, factors, seed=0)
        >>> scarce_value(draws, {"shape": np.array(["cube", "ball"])}, FactorVaeSettings())
        'expected at least 64 rows of each value, got 10 with shape = ball; ...'
    """
    for f, name in enumerate(draws.space.names):
        counts = np.bincount(draws.factors[:, f])
        if counts.min() < settings.batch_size:
            return (
                f"expected at least {settings.batch_size} rows of each value, got {counts.min()} "
                f"with {name} = {labels[name][counts.argmin()]}; give more rows with it; in "
                "Python, FactorVaeSettings.batch_size can be lower"
            )
    return None
