"""How well heads read labelled images: accuracies with their uncertainty, and confusions."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from submission.factors import is_axis
from submission.scoring.arrays import IntArray

__all__ = ["Reading", "read_factor", "text_of"]

Z = 1.96
"""Standard deviations to either side of the mean that hold 95 % of a normal distribution."""

JUMP = 0.25
"""Share of an axis from which an error is no near miss: another pose that looks alike."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What a head says of one factor on images whose value is known.

    Attributes:
        factor: its name.
        num_images: n, number of images whose value is known.
        accuracy: share that is read right, in [0, 1].
        interval: 95 % confidence interval of the accuracy (Wilson 1927).
        within: for an axis, shares whose error is at most 1 and at most 2 positions; else empty.
        mean_error: for an axis, mean absolute error in positions; else None.
        jumps: for an axis, share whose error is a quarter of the axis or more; else None.
        confusion: (size, size) counts, row: true value, column: value read.
        wrong: (m, 3) of each image that is read wrong its number, true value and value read, the
            largest errors first.
    """

    factor: str
    num_images: int
    accuracy: float
    interval: tuple[float, float]
    within: tuple[float, ...]
    mean_error: float | None
    jumps: float | None
    confusion: IntArray
    wrong: IntArray

    def content(self) -> dict[str, Any]:
        """Returns everything as values of JSON."""
        arrays = {"confusion": self.confusion.tolist(), "wrong": self.wrong.tolist()}
        return {**asdict(self), **arrays}


def read_factor(factor: str, size: int, answers: IntArray, labels: IntArray) -> Reading | None:
    """Compares answers with labels.

    Args:
        factor: name of the factor.
        size: its number of values, as the head knows them.
        answers: (N,) values that the head reads, in 0..size-1.
        labels: (N,) true values; those below 0 or above size-1 are unknown to the head.

    Returns:
        The reading, or None if no label is known.

    Example:
        >>> reading = read_factor("shape", 3, np.array([0, 1, 1]), np.array([0, 1, -1]))
        >>> reading.num_images, reading.accuracy
        (2, 1.0)
    """
    known = (labels >= 0) & (labels < size)
    numbers, answers, labels = np.flatnonzero(known), answers[known], labels[known]
    if not len(labels):
        return None
    errors = np.abs(answers - labels)
    worst = np.argsort(-errors, kind="stable")[: np.count_nonzero(errors)]
    confusion = np.zeros((size, size), dtype=np.int64)
    np.add.at(confusion, (labels, answers), 1)
    axis = is_axis(factor)
    return Reading(
        factor,
        len(labels),
        float((errors == 0).mean()),
        _wilson(int((errors == 0).sum()), len(labels)),
        (float((errors <= 1).mean()), float((errors <= 2).mean())) if axis else (),
        float(errors.mean()) if axis else None,
        float((errors >= JUMP * size).mean()) if axis else None,
        confusion,
        np.stack([numbers, labels, answers], axis=1)[worst],
    )


def _wilson(right: int, count: int) -> tuple[float, float]:
    """Returns the confidence interval of a share (Wilson 1927)."""
    share, widening = right / count, Z * Z / count
    middle = (share + widening / 2) / (1 + widening)
    half = Z / (1 + widening) * math.sqrt(share * (1 - share) / count + widening / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def text_of(domain: str, readings: list[Reading]) -> str:
    """Lays out the readings of one domain as lines of text, in percent."""
    lines = [f"{domain:<20}{'n':>7}{'right %':>9}  {'95 % interval':<15}  axes"]
    for reading in readings:
        low, high = (100 * end for end in reading.interval)
        line = (
            f"  {reading.factor:<18}{reading.num_images:>7,}{100 * reading.accuracy:>9.1f}  "
            f"{f'{low:.1f} to {high:.1f}':<15}"
        )
        if reading.mean_error is not None and reading.jumps is not None:
            one, two = (100 * share for share in reading.within)
            line += (
                f"  within 1: {one:.1f} %, within 2: {two:.1f} %, mean error "
                f"{reading.mean_error:.2f} positions, jumps {100 * reading.jumps:.1f} %"
            )
        lines.append(line.rstrip())
    return "\n".join(lines)
