"""Images whose codes lie far from what their factor values predict."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.scoring.arrays import FloatArray, IntArray

__all__ = ["Outlier", "expected_codes", "find_outliers"]


@dataclass(frozen=True)
class Outlier:
    """An image with an unexpected code.

    Attributes:
        row: the image's.
        distance: length of the difference between code and expected code, in standard deviations.
        latent: the latent that differs most.
        found: its value.
        expected: what the factor values predict for it.
    """

    row: int
    distance: float
    latent: int
    found: float
    expected: float


def expected_codes(codes: FloatArray, factors: IntArray) -> FloatArray:
    """Predicts codes from factor values by main effects.

    The prediction is m + sum over factors f of (m_f(v_f) - m), where m is the mean code and
    m_f(v) the mean code of the images with value v of factor f. On a full grid this is the least
    squares fit without interactions.

    Args:
        codes: (n, C).
        factors: (n, F) whole numbers from 0.

    Returns:
        (n, C).

    Example:
        >>> factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> codes = factors.sum(axis=1, keepdims=True) * 2.0
        >>> bool(np.allclose(expected_codes(codes, factors), codes))
        True
    """
    mean = codes.mean(axis=0, dtype=np.float64)
    expected = np.tile(mean, (len(codes), 1))
    for values in factors.T:
        counts = np.maximum(np.bincount(values), 1)
        for latent, column in enumerate(codes.T):
            effects = np.bincount(values, weights=column) / counts - mean[latent]
            expected[:, latent] += effects[values]
    return expected


def find_outliers(
    codes: FloatArray, factors: IntArray, latents: npt.ArrayLike, count: int
) -> list[Outlier]:
    """Finds the images whose codes are farthest from `expected_codes`.

    Args:
        codes: (n, C).
        factors: (n, F) whole numbers from 0.
        latents: the latents that count; each must vary.
        count: how many images to find.

    Returns:
        The farthest first, at most n.

    Example:
        >>> factors = np.arange(12)[:, None] % 3
        >>> codes = factors * 1.0
        >>> codes[7] += 5
        >>> find_outliers(codes, factors, [0], 1)[0].row
        7
    """
    chosen = np.asarray(latents, dtype=np.int64)
    used = codes[:, chosen].astype(np.float64)
    expected = expected_codes(used, factors)
    differences = (used - expected) / used.std(axis=0)  # (n, K)
    distances = np.linalg.norm(differences, axis=1)
    found = []
    for row in np.argsort(-distances, kind="stable")[:count]:
        place = int(np.abs(differences[row]).argmax())
        found.append(
            Outlier(
                row=int(row),
                distance=float(distances[row]),
                latent=int(chosen[place]),
                found=float(used[row, place]),
                expected=float(expected[row, place]),
            )
        )
    return found
