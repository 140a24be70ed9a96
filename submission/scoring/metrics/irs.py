"""IRS, the interventional robustness score (Suter et al. 2019), by the library's own functions."""

from dataclasses import dataclass

import numpy as np

from submission.config.group import setting
from submission.scoring.arrays import FloatArray, IntArray
from submission.scoring.checks import is_constant
from submission.scoring.draws import Draws, Rows
from submission.scoring.library import binned, library
from submission.scoring.metrics.metric import MetricScore, MetricSettings

__all__ = ["IrsScore", "IrsSettings", "compute_irs", "irs_in_float64"]


@dataclass(frozen=True)
class IrsSettings(MetricSettings):
    """Settings of IRS."""

    num_train: int = setting(10_000, "Rows drawn.", at_least=1)
    batch_size: int = setting(16, "Rows per draw.", at_least=1)
    num_bins: int = setting(20, "Equal-width bins of the factors.", at_least=1)
    diff_quantile: float = setting(
        0.99, "Quantile of the deviations at a fixed value.", above=0, at_most=1
    )


@dataclass(frozen=True, eq=False)
class IrsScore(MetricScore):
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


def compute_irs(draws: Draws, settings: IrsSettings) -> IrsScore:
    """Computes IRS in the precision of the codes, as the library does.

    Latents that are constant, or whose variance rounds to 0, take no part.

    Example:
        >>> from submission.factors import FactorSpace
        >>> from submission.scoring.draws import SampleDraws
        >>> factors = np.indices((3, 4)).reshape(2, -1).T
        >>> space = FactorSpace(("shape", "size"), (3, 4))
        >>> draws = SampleDraws(space, factors * 1.0, factors, seed=0)
        >>> compute_irs(draws, IrsSettings()).matrix.round(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
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
