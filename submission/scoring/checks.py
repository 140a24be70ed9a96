"""What codes must be before they are scored, and what a reader must know about odd ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.errors import InputError

__all__ = ["LatentSummary", "check_codes", "odd_latents", "summarise_latents"]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]

MAX_MAGNITUDE = 1e12
"""Codes beyond this overflow the variances that the library takes in float32."""

TAIL = 0.001
"""The share of rows left out on either side by the inner range of a latent."""

MAX_STRETCH = 2.0
"""Ratio of whole to inner range beyond which more than half of MIG's bins hold next to nothing."""


@dataclass(frozen=True, eq=False)
class LatentSummary:
    """Where each latent's values lie; every field has one entry per latent (C,).

    Attributes:
        mean: mean.
        std: standard deviation.
        minimum: smallest value.
        low: quantile .001.
        high: quantile .999.
        maximum: largest value.
    """

    mean: FloatArray
    std: FloatArray
    minimum: FloatArray
    low: FloatArray
    high: FloatArray
    maximum: FloatArray

    def stretched(self) -> npt.NDArray[np.bool_]:
        """Marks latents (C,) whose range is mostly due to fewer than .2 % of the rows."""
        whole = self.maximum - self.minimum
        return whole > MAX_STRETCH * (self.high - self.low)


def summarise_latents(codes: FloatArray) -> LatentSummary:
    """Takes mean, spread and range of each latent, in float64.

    Args:
        codes: (n, C).
    """
    columns = np.ascontiguousarray(codes.T)  # (C, n)
    low, high = np.quantile(columns, [TAIL, 1 - TAIL], axis=1)
    return LatentSummary(
        mean=columns.mean(axis=1, dtype=np.float64),
        std=np.array([_std(column) for column in columns]),
        minimum=columns.min(axis=1).astype(np.float64),
        low=low.astype(np.float64),
        high=high.astype(np.float64),
        maximum=columns.max(axis=1).astype(np.float64),
    )


def _std(column: FloatArray) -> float:
    """Takes a standard deviation that is exactly 0 for a constant."""
    if column.min() == column.max():
        return 0.0
    return float(column.std(dtype=np.float64))


def check_codes(codes: npt.ArrayLike, num_rows: int) -> FloatArray:
    """Refuses codes that no metric can take.

    Args:
        codes: (n, C) floating-point codes.
        num_rows: the n that is expected.

    Returns:
        the codes as an array, float32 or float64 as given.

    Raises:
        ValueError: for another shape or type, and for NaN, infinite or huge codes, with their
            number and the first place.
    """
    values = np.asarray(codes)
    if values.ndim != 2 or values.shape[1] < 1:
        raise InputError(f"expected codes of shape (N, C), got {values.shape}")
    if values.dtype not in (np.float32, np.float64):
        raise InputError(f"expected float32 or float64 codes, got {values.dtype}")
    if values.shape[0] != num_rows:
        raise InputError(
            f"expected {num_rows} rows of codes, one for each point, got {values.shape[0]}"
        )
    bad = ~(np.abs(values) <= MAX_MAGNITUDE)
    if bad.any():
        row, latent = np.argwhere(bad)[0]
        raise InputError(
            f"expected finite codes of magnitude up to {MAX_MAGNITUDE:g}, got {bad.sum()} others, "
            f"the first in row {row}, latent {latent}: {values[row, latent]}; latents "
            f"{np.flatnonzero(bad.any(axis=0)).tolist()} have such codes, so look at the model "
            "that made them"
        )
    return values


def odd_latents(latents: LatentSummary, drawn: LatentSummary, prune_threshold: float) -> list[str]:
    """Says in words which latents a metric will treat in a way that may surprise.

    Args:
        latents: where all values lie.
        drawn: where those lie that MIG divides into bins; all values if it was not computed.
        prune_threshold: FactorVAE's.

    Returns:
        one sentence for each kind of oddness that is there.
    """
    constant = latents.std == 0
    tiny = ~constant & (latents.std < prune_threshold)
    outliers = drawn.stretched()
    sentences = []
    if constant.any():
        sentences.append(f"{_named(constant)}: constant, so no metric gets anything from it.")
    if tiny.any():
        sentences.append(
            f"{_named(tiny)}: standard deviation below {prune_threshold:g}, so FactorVAE leaves "
            "it out, and SAP, whose margin is not scale-free, scores it low."
        )
    if outliers.any():
        sentences.append(
            f"{_named(outliers)}: a few outliers stretch the range to more than "
            f"{MAX_STRETCH:g} times that of 99.8 % of the rows, so they dominate MIG's "
            "equal-width bins and IRS's largest deviation."
        )
    return sentences


def _named(mask: npt.NDArray[np.bool_]) -> str:
    """Names the marked latents: "latent 3", or "latents 3, 5"."""
    numbers = [str(number) for number in np.flatnonzero(mask)]
    return ("latent " if len(numbers) == 1 else "latents ") + ", ".join(numbers)
