"""What codes and settings must be before scoring, and notes on latents that are odd."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import InputError
from submission.scoring.arrays import Array, BoolArray, FloatArray, IntArray

__all__ = [
    "MAX_MAGNITUDE",
    "LatentSummary",
    "as_array",
    "check_codes",
    "check_drawn",
    "check_magnitude",
    "check_seed",
    "is_constant",
    "odd_latents",
    "summarise_latents",
]

MAX_MAGNITUDE = 1e12
"""Codes beyond this overflow the variances that the library takes in float32."""

TAIL = 0.001
"""The share of rows left out on either side by the inner range of a latent."""

MAX_STRETCH = 2.0
"""Ratio of whole to inner range beyond which more than half of MIG's bins hold next to nothing."""

MAX_OFFSET = 2.0
"""Ratio of mean to deviation beyond which SAP falls; even steps from 0 stay below 1.74."""


@dataclass(frozen=True, eq=False)
class LatentSummary:
    """Where each latent's values lie; every field has one entry per latent (C,).

    Attributes:
        mean: mean.
        std: standard deviation, exactly 0 for a constant latent and only for that.
        minimum: smallest value.
        low: quantile 0.001.
        high: quantile 0.999.
        maximum: largest value.
    """

    mean: FloatArray
    std: FloatArray
    minimum: FloatArray
    low: FloatArray
    high: FloatArray
    maximum: FloatArray

    def stretched(self) -> BoolArray:
        """Marks latents (C,) whose range is mostly due to fewer than 0.2 % of the rows."""
        whole = self.maximum - self.minimum
        return whole > MAX_STRETCH * (self.high - self.low)

    def far(self, ratio: float) -> BoolArray:
        """Marks latents (C,) that vary, with a mean more than `ratio` deviations from zero."""
        return (self.std > 0) & (np.abs(self.mean) > ratio * self.std)


def is_constant(codes: FloatArray) -> BoolArray:
    """Marks the latents (C,) of codes (n, C) that have one value only.

    A variance cannot tell: rounding makes that of the constant 0.3 larger than 0 in float32.

    Example:
        >>> is_constant(np.array([[0.3, 1.0], [0.3, 2.0]])).tolist()
        [True, False]
    """
    constant: BoolArray = codes.min(axis=0) == codes.max(axis=0)
    return constant


def summarise_latents(codes: FloatArray) -> LatentSummary:
    """Takes mean, spread and range of each latent of codes (n, C), in float64.

    Example:
        >>> summary = summarise_latents(np.array([[0.0, 5.0], [2.0, 5.0]]))
        >>> summary.mean.tolist(), summary.std.tolist()
        ([1.0, 5.0], [1.0, 0.0])
    """
    columns = np.ascontiguousarray(codes.T)  # (C, n)
    quantiles = np.quantile(columns, [0, TAIL, 1 - TAIL, 1], axis=1).astype(np.float64)
    std = np.array([column.std(dtype=np.float64) for column in columns])
    constant = is_constant(codes)
    # The square of a small deviation can be 0 where the latent does vary.
    std = np.where(constant, 0.0, np.maximum(std, np.finfo(np.float64).tiny))
    return LatentSummary(columns.mean(axis=1, dtype=np.float64), std, *quantiles)


def as_array(values: npt.ArrayLike, expected: str) -> Array:
    """Makes an array of what was given.

    Raises:
        InputError: if that is impossible; it names what was `expected`.
    """
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"expected {expected}, got {type(values).__name__}: {error}") from error


def check_codes(codes: npt.ArrayLike, num_rows: int) -> FloatArray:
    """Refuses codes that no metric can take.

    Args:
        codes: (n, C) floating-point codes.
        num_rows: the n that is expected.

    Returns:
        the codes as an array, float32 or float64 as given.

    Raises:
        InputError: for another shape or type, and for NaN, infinite or huge codes, with their
            number and the first place.

    Example:
        >>> check_codes(np.ones((3, 2), dtype=int), num_rows=3)
        Traceback (most recent call last):
        submission.errors.InputError: expected float32 or float64 codes, got int64; convert them...
    """
    values = as_array(codes, "codes as an array of shape (N, C)")
    if values.ndim != 2 or values.shape[1] < 1:
        raise InputError(f"expected codes of shape (N, C), got {values.shape}")
    if values.dtype not in (np.float32, np.float64):
        raise InputError(
            f"expected float32 or float64 codes, got {values.dtype}; convert them, "
            "such as with codes.astype('float32')"
        )
    if values.shape[0] != num_rows:
        raise InputError(
            f"expected {num_rows} rows of codes, one for each point, got {values.shape[0]}; "
            "score_samples takes the codes of some points, and a row of factors for each"
        )
    check_magnitude(
        values,
        [str(latent) for latent in range(values.shape[1])],
        lambda row, column: f"row {row}, column {column} of the codes (counted from 0)",
    )
    return values


def check_magnitude(
    codes: FloatArray, names: Sequence[str], cell: Callable[[int, int], str]
) -> None:
    """Refuses NaN, infinite and huge numbers in codes (n, C).

    Args:
        codes: the codes.
        names: C names of the columns.
        cell: says where the user finds a code, by its row and column from 0.

    Raises:
        InputError: with the number of such codes, the first place, and all columns that have one.

    Example:
        >>> place = lambda row, column: f"line {row + 1}, column {column + 1} of codes.csv"
        >>> check_magnitude(np.array([[0.0, np.inf]]), ["z0", "z1"], place)
        Traceback (most recent call last):
        submission.errors.InputError: ... got inf in line 1, column 2 of codes.csv; ...
    """
    bad = ~(np.abs(codes) <= MAX_MAGNITUDE)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        spoilt = ", ".join(names[each] for each in np.flatnonzero(bad.any(axis=0)))
        raise InputError(
            f"expected finite codes of magnitude up to {MAX_MAGNITUDE:g}, got "
            f"{codes[row, column]} in {cell(int(row), int(column))}; look at the model that made "
            f"them (such codes: {bad.sum():,}, in the columns {spoilt})"
        )


def check_seed(seed: int) -> None:
    """Refuses a seed that NumPy's random states do not take.

    Example:
        >>> check_seed(-1)
        Traceback (most recent call last):
        submission.errors.InputError: expected a whole number from 0 to 4294967295 as seed, got -1
    """
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise InputError(f"expected a whole number from 0 to {2**32 - 1} as seed, got {seed!r}")


def check_drawn(factors: IntArray, names: Sequence[str], setting: str) -> None:
    """Refuses drawn rows in which a factor has one value only: no metric can tell values apart.

    Args:
        factors: (F, n) factor values of the rows drawn.
        names: F names.
        setting: the setting that says how many rows are drawn.

    Raises:
        InputError: naming the factor, its value, the number of rows and the setting.

    Example:
        >>> check_drawn(np.array([[0, 1], [2, 2]]), ["shape", "size"], "SapSettings.num_train")
        Traceback (most recent call last):
        submission.errors.InputError: ... got size = 2 in all 2; leave the metric out; ...
    """
    for name, values in zip(names, factors, strict=True):
        if values.min() == values.max():
            raise InputError(
                f"expected at least 2 values of {name} in the rows drawn, got {name} = {values[0]} "
                f"in all {len(values)}; leave the metric out; in Python, {setting} can be higher"
            )


def odd_latents(latents: LatentSummary, drawn: LatentSummary, prune_threshold: float) -> list[str]:
    """Says in words which latents a metric will treat in a way that may surprise.

    Args:
        latents: where all values lie.
        drawn: where those lie that MIG divides into bins; all values if it was not computed.
        prune_threshold: FactorVAE's.

    Returns:
        one note for each kind of oddness that is there.

    Example:
        >>> summary = summarise_latents(np.array([[-1.0, 5.0], [1.0, 5.0]]))
        >>> odd_latents(summary, summary, prune_threshold=0.05)
        ['latent 1: constant, ...']
    """
    constant = latents.std == 0
    tiny = ~constant & (latents.std < prune_threshold)
    outliers, far = drawn.stretched(), latents.far(MAX_OFFSET)
    notes = []
    if constant.any():
        notes.append(
            f"{_named(constant)}: constant, which says nothing. On the evaluation server a "
            "constant latent can make IRS NaN: remove it from the model."
        )
    if tiny.any():
        notes.append(
            f"{_named(tiny)}: standard deviation below {prune_threshold:g}, so FactorVAE ignores "
            "it, and SAP, whose classifier depends on scale, scores it low."
        )
    if outliers.any():
        notes.append(
            f"{_named(outliers)}: a few outliers stretch the range to more than "
            f"{MAX_STRETCH:g} times that of 99.8 % of the rows, so they dominate MIG's "
            "equal-width bins and IRS's largest deviation."
        )
    if far.any():
        notes.append(
            f"{_named(far)}: mean more than {MAX_OFFSET:g} standard deviations from zero, so SAP, "
            "whose classifier penalises the offset, scores it low, here as on the evaluation "
            "server. Subtract the mean in the model."
        )
    return notes


def _named(mask: BoolArray) -> str:
    """Names the marked latents: "latent 3", or "latents 3, 5"."""
    numbers = [str(number) for number in np.flatnonzero(mask)]
    return ("latent " if len(numbers) == 1 else "latents ") + ", ".join(numbers)
