"""Linear least squares that forgives outliers, and what is left when they are solved."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Solved", "loss_of", "robust", "solved"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Solved:
    """A weighted linear problem and its solution.

    Attributes:
        matrix: (n, k), times the square roots of the weights.
        inverse: (k, k) of its normal matrix with the ridge.
        weights: (n,) square roots.
        solution: (k, ...).
        errors: (n, ...) weighted.
    """

    matrix: FloatArray
    inverse: FloatArray
    weights: FloatArray
    solution: FloatArray
    errors: FloatArray

    def left_over(self, change: FloatArray) -> FloatArray:
        """Takes from weighted changes what the linear unknowns make up for (Kaufman 1975)."""
        left: FloatArray = change - self.matrix @ (self.inverse @ (self.matrix.T @ change))
        return left


def robust(errors: FloatArray, scale: float) -> FloatArray:
    """Returns the square roots of weights that fall where errors exceed a scale, in levels."""
    weights: FloatArray = (1.0 + (errors / scale) ** 2) ** -0.25
    return weights


def loss_of(errors: FloatArray, scale: float) -> float:
    """Sums errors, squared below a scale and absolute above it."""
    return float((scale**2 * (np.sqrt(1 + (errors / scale) ** 2) - 1)).sum())


def solved(
    matrix: FloatArray, target: FloatArray, weights: FloatArray, ridge: float | FloatArray
) -> Solved:
    """Solves for the unknowns whose weighted squared errors are least.

    Args:
        matrix: (n, k).
        target: (n,) or (n, c).
        weights: (n,) square roots of weights.
        ridge: of all unknowns or (k,) of each, added to the normal matrix, relative to its
            diagonal.
    """
    heavy = matrix * weights[:, None]
    aims = target * (weights if target.ndim == 1 else weights[:, None])
    normal = heavy.T @ heavy
    diagonal = normal.diagonal()
    inverse = np.linalg.inv(normal + np.diag(ridge * diagonal + 1e-6 * diagonal.max() + 1e-9))
    solution = inverse @ (heavy.T @ aims)
    return Solved(heavy, inverse, weights, solution, aims - heavy @ solution)
