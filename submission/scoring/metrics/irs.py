"""IRS, the interventional robustness score (Suter et al. 2019), by the library's own functions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.errors import InputError
from submission.scoring.checks import check_counts, is_constant
from submission.scoring.draws import Draws, Rows
from submission.scoring.library import binned, library

__all__ = ["IrsScore", "IrsSettings", "compute_irs", "irs_in_float64"]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class IrsSettings:
    """Settings of IRS.

    Attributes:
        num_train: rows drawn.
        batch_size: rows per draw.
        num_bins: equal-width bins of the factors.
        diff_quantile: quantile of the deviations at a fixed value, in (0, 1].
    """

    num_train: int = 10_000
    batch_size: int = 16
    num_bins: int = 20
    diff_quantile: float = 0.99

    def __post_init__(self) -> None:
        check_counts(self)
        if not 0 < self.diff_quantile <= 1:
            raise InputError(
                f"expected IrsSettings.diff_quantile in (0, 1], got {self.diff_quantile}"
            )

    def gin_bindings(self) -> dict[str, str]:
        """Gives the settings as the library's gin bindings."""
        return {
            "evaluation.evaluation_fn": "@irs",
            "discretizer.discretizer_fn": "@histogram_discretizer",
            "discretizer.num_bins": str(self.num_bins),
            "irs.batch_size": str(self.batch_size),
            "irs.diff_quantile": str(self.diff_quantile),
            "irs.num_train": str(self.num_train),
        }


@dataclass(frozen=True, eq=False)
class IrsScore:
    """IRS: how little a latent moves while a factor is held fixed and all others vary.

    Heavy-tailed noise scores high, so IRS says little without the other metrics.

    Attributes:
        irs: the score: mean over latents of their robustness, weighted by largest deviation.
        num_active_latents: latents that vary at all.
        matrix: (C, F) robustness of a latent when a factor is held fixed; 0 for a constant latent.
        robustness_per_latent: (C,) largest entry of a latent's row.
        factor_of_latent: (C,) the factor of that entry; -1 for a constant latent.
        max_deviations: (C,) largest distance from the mean, the weights of the score.
    """

    irs: float
    num_active_latents: int
    matrix: FloatArray
    robustness_per_latent: FloatArray
    factor_of_latent: IntArray
    max_deviations: FloatArray

    @property
    def score(self) -> float:
        """The number that is compared, higher is better."""
        return self.irs

    def library_results(self) -> dict[str, Any]:
        """Names the numbers as the library does."""
        return {"IRS": self.irs, "num_active_dims": self.num_active_latents}


def compute_irs(draws: Draws, settings: IrsSettings) -> IrsScore:
    """Computes IRS in the precision of the codes, as the library does.

    Latents that are constant, or whose variance rounds to 0, take no part.
    """
    (rows,) = draws.rows((settings.num_train,), settings.batch_size)
    return _irs(rows, settings)


def irs_in_float64(draws: Draws, settings: IrsSettings) -> float:
    """Computes IRS of the same rows in float64, whatever the precision of the codes."""
    ((codes, factors),) = draws.rows((settings.num_train,), settings.batch_size)
    return _irs((codes.astype(np.float64), factors), settings).irs


def _irs(rows: Rows, settings: IrsSettings) -> IrsScore:
    codes, factors = rows
    active = (codes.var(axis=1) > 0) & ~is_constant(codes.T)
    C, F = len(codes), len(factors)
    matrix = np.zeros((C, F))
    robustness, deviations = np.zeros(C), np.zeros(C)
    parents = np.full(C, -1, dtype=np.int64)
    score = 0.0
    if active.any():
        result = library().irs.scalable_disentanglement_score(
            binned(factors, settings.num_bins).T, codes[active].T, settings.diff_quantile
        )
        score = float(result["avg_score"])
        matrix[active] = result["IRS_matrix"]
        robustness[active] = result["disentanglement_scores"]
        parents[active] = result["parents"]
        deviations[active] = result["max_deviations"]
    return IrsScore(
        irs=score,
        num_active_latents=int(active.sum()),
        matrix=matrix,
        robustness_per_latent=robustness,
        factor_of_latent=parents,
        max_deviations=deviations,
    )
