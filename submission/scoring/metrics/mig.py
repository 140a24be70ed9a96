"""MIG, the mutual information gap (Chen et al. 2018), by the library's own functions."""

from dataclasses import dataclass

import numpy as np

from submission.config.group import setting
from submission.scoring.arrays import FloatArray, IntArray
from submission.scoring.checks import LatentSummary, check_drawn, is_constant, summarise_latents
from submission.scoring.draws import Draws
from submission.scoring.library import binned, library
from submission.scoring.metrics.metric import MetricScore, MetricSettings

__all__ = ["MigScore", "MigSettings", "compute_mig"]


@dataclass(frozen=True)
class MigSettings(MetricSettings):
    """Settings of MIG."""

    num_train: int = setting(10_000, "Rows drawn.", at_least=1)
    batch_size: int = setting(16, "Rows per draw.", at_least=1)
    num_bins: int = setting(20, "Equal-width bins of each latent.", at_least=1)


@dataclass(frozen=True, eq=False)
class MigScore(MetricScore):
    """MIG: by how much more the best latent tells about a factor than the second best.

    Attributes:
        mig: the score: mean over factors of the gap.
        mutual_information: (C, F) in nats, between binned latents and factors.
        entropies: (F,) of the factors, in nats.
        gap_per_factor: (F,) best minus second best, divided by the factor's entropy.
        latent_of_factor: (F,) the best latent.
        latents: where the values of the rows used lie; the bins divide minimum to maximum.
    """

    mig: float
    mutual_information: FloatArray
    entropies: FloatArray
    gap_per_factor: FloatArray
    latent_of_factor: IntArray
    latents: LatentSummary


def compute_mig(draws: Draws, settings: MigSettings) -> MigScore:
    """Computes MIG over equal-width bins.

    Raises:
        InputError: if a factor has one value only in the rows drawn.

    Example:
        >>> from submission.factors import FactorSpace
        >>> from submission.scoring.draws import SampleDraws
        >>> factors = np.indices((3, 4)).reshape(2, -1).T
        >>> space = FactorSpace(("shape", "size"), (3, 4))
        >>> draws = SampleDraws(space, factors * 1.0, factors, seed=0)
        >>> compute_mig(draws, MigSettings()).gap_per_factor.round(2).tolist()
        [1.0, 1.0]
    """
    ((codes, factors),) = draws.rows((settings.num_train,), settings.batch_size)
    check_drawn(factors, draws.space.names, "MigSettings.num_train")
    utils = library().utils
    bins = binned(codes, settings.num_bins)
    information = utils.discrete_mutual_info(bins, factors)  # (C, F)
    information[is_constant(codes.T)] = 0
    entropies = utils.discrete_entropy(factors)
    ordered = np.sort(information, axis=0)
    gaps = (ordered[-1] - ordered[-2]) / entropies
    return MigScore(
        mig=float(np.mean(gaps)),
        mutual_information=information,
        entropies=entropies,
        gap_per_factor=gaps,
        latent_of_factor=information.argmax(axis=0),
        latents=summarise_latents(codes.T),
    )
