"""How much latents tell about each other."""

import numpy as np

from submission.scoring.arrays import FloatArray

__all__ = ["dependence_of"]


MOST_BINS = 20
ROWS_PER_CELL = 20


def dependence_of(codes: FloatArray) -> FloatArray:
    """Computes the normalised mutual information of each pair of latents.

    With a and b two latents, each cut into bins of equal frequency:

        D(a, b) = I(a; b) / min(H(a), H(b))

    I is reduced by its bias for independent latents, (A - 1) (B - 1) / (2 n) for A and B bins in
    use, and is at least 0. The number of bins is sqrt(n / `ROWS_PER_CELL`), from 2 to `MOST_BINS`.
    Unlike a correlation, D also finds a dependence that is not linear.

    Args:
        codes: (n, C).

    Returns:
        (C, C) symmetric, from 0 to 1: 0 if independent, 1 if one latent determines the other's
        bin. A latent with a single value has 0.

    Example:
        >>> z = np.random.default_rng(0).normal(size=(5000, 2))
        >>> together = dependence_of(np.column_stack([z, z[:, 0] ** 2]))
        >>> bool(together[0, 1] < 0.02), bool(together[0, 2] > 0.5)
        (True, True)
    """
    n, C = codes.shape
    num_bins = int(np.clip((n / ROWS_PER_CELL) ** 0.5, 2, MOST_BINS))
    edges = np.quantile(codes, np.linspace(0, 1, num_bins + 1)[1:-1], axis=0)  # (bins - 1, C)
    bins = np.stack([np.searchsorted(edges[:, c], codes[:, c]) for c in range(C)])  # (C, n)
    entropies = [_entropy(np.bincount(row) / n) for row in bins]
    freedom = [np.count_nonzero(np.bincount(row)) - 1 for row in bins]
    result = np.eye(C)
    for a in range(C):
        result[a, a] = float(entropies[a] > 0)
        for b in range(a):
            least = min(entropies[a], entropies[b])
            if least > 0:
                joint = np.bincount(bins[a] * num_bins + bins[b]) / n
                bias = freedom[a] * freedom[b] / (2 * n)
                information = entropies[a] + entropies[b] - _entropy(joint) - bias
                result[a, b] = result[b, a] = np.clip(information / least, 0, 1)
    return result


def _entropy(shares: FloatArray) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())
