"""The FactorVAE score (Kim and Mnih 2018).

A grid is scored by the library's functions, a sample by its rule.
"""

from dataclasses import dataclass

import numpy as np

from submission.config.group import setting
from submission.scoring.arrays import BoolArray, FloatArray, IntArray
from submission.scoring.checks import is_constant
from submission.scoring.draws import Draws, GridDraws, SampleDraws
from submission.scoring.library import library
from submission.scoring.metrics.metric import MetricScore, MetricSettings

__all__ = ["FactorVaeScore", "FactorVaeSettings", "compute_factor_vae"]


@dataclass(frozen=True)
class FactorVaeSettings(MetricSettings):
    """Settings of the FactorVAE score."""

    num_variance_estimate: int = setting(
        10_000, "Rows that estimate each latent's variance over the whole set.", at_least=2
    )
    num_train: int = setting(
        10_000, "Votes that decide which factor a latent stands for.", at_least=1
    )
    num_eval: int = setting(5_000, "Votes that are scored.", at_least=1)
    batch_size: int = setting(64, "Rows with one factor held fixed that make one vote.", at_least=2)
    prune_threshold: float = setting(
        0.05,
        "Latents with a smaller standard deviation take no part. It is above 0, because a "
        "constant latent divides 0 by 0 and spoils every vote.",
        above=0,
    )


@dataclass(frozen=True, eq=False)
class FactorVaeScore(MetricScore):
    """FactorVAE: does the latent that varies least tell which factor was held fixed?

    Attributes:
        eval_accuracy: the score: share of evaluation votes that name their factor.
        train_accuracy: the same for the votes that the majority came from.
        num_active_latents: latents with at least the threshold's deviation; only they get votes.
        active: (C,) which these are.
        global_variances: (C,) each latent's variance over the whole set.
        train_votes: (F, C) how often a latent varied least while a factor was held fixed.
        eval_votes: (F, C) the same, with new draws for evaluation.
        factor_of_latent: (C,) the factor that most training votes for a latent came from.
        accuracy_per_factor: (F,) share of a factor's evaluation votes that name it.
    """

    eval_accuracy: float
    train_accuracy: float
    num_active_latents: int
    active: BoolArray
    global_variances: FloatArray
    train_votes: IntArray
    eval_votes: IntArray
    factor_of_latent: IntArray
    accuracy_per_factor: FloatArray


def compute_factor_vae(draws: Draws, settings: FactorVaeSettings) -> FactorVaeScore:
    """Computes the FactorVAE score of a grid or of a sample.

    Of a sample, rows that share a factor's value stand in for the grid's. Each vote draws a
    factor and a row uniformly, then `batch_size` rows, with replacement, out of those that have
    the row's value of that factor. On the rows of a full grid this is the library's rule with
    other random numbers. Where factors are correlated, rows with one factor's value hold others
    nearly fixed too: the vote is then conditioned on a value, it is no intervention.

    A value with fewer rows than `batch_size` would make the variance within its group too small;
    `scarce_value` finds such values.

    Example:
        >>> from submission.factors import FactorSpace
        >>> factors = np.indices((3, 4)).reshape(2, -1).T.repeat(20, axis=0)
        >>> space = FactorSpace(("shape", "size"), (3, 4))
        >>> draws = SampleDraws(space, factors * 1.0, factors, seed=0)
        >>> compute_factor_vae(draws, FactorVaeSettings(num_train=500, num_eval=500)).score
        1.0
    """
    if isinstance(draws, GridDraws):
        return _of_grid(draws, settings)
    return _of_sample(draws, settings)


def _of_grid(draws: GridDraws, settings: FactorVaeSettings) -> FactorVaeScore:
    """Scores a grid with the library's draws and votes."""
    lib, data, represent = library().factor_vae, draws.data, draws.codes.__getitem__
    random_state = np.random.RandomState(draws.seed)
    variances = lib._compute_variances(
        data, represent, settings.num_variance_estimate, random_state
    )
    active = lib._prune_dims.__wrapped__(variances, settings.prune_threshold)
    active &= ~is_constant(draws.codes)

    def votes(num: int) -> IntArray:
        if not active.any():
            return np.zeros((data.num_factors, len(variances)), dtype=np.int64)
        drawn: IntArray = lib._generate_training_batch(
            data, represent, settings.batch_size, num, random_state, variances, active
        )
        return _spread(drawn, active)

    return _scored(variances, active, votes(settings.num_train), votes(settings.num_eval))


def _of_sample(draws: SampleDraws, settings: FactorVaeSettings) -> FactorVaeScore:
    """Scores a sample; variances are those of all rows, in float64."""
    codes, factors = draws.codes, draws.factors
    groups = [_groups(column) for column in factors.T]
    random_state = np.random.RandomState(draws.seed)
    variances = np.array([column.var(dtype=np.float64, ddof=1) for column in codes.T])
    active = (np.sqrt(variances) >= settings.prune_threshold) & ~is_constant(codes)

    def votes(num: int) -> IntArray:
        counts = np.zeros((factors.shape[1], codes.shape[1]), dtype=np.int64)
        if not active.any():
            return counts
        for _ in range(num):
            factor = random_state.randint(factors.shape[1])
            group = groups[factor][int(factors[random_state.randint(len(factors)), factor])]
            rows = codes[group[random_state.randint(len(group), size=settings.batch_size)]]
            local = np.var(rows[:, active], axis=0, ddof=1, dtype=np.float64)
            counts[factor, np.argmin(local / variances[active])] += 1
        return _spread(counts, active)

    return _scored(variances, active, votes(settings.num_train), votes(settings.num_eval))


def _groups(values: IntArray) -> list[IntArray]:
    """Lists the rows of each value, values being numbered from 0."""
    counts = np.bincount(values)
    return np.split(np.argsort(values, kind="stable"), np.cumsum(counts)[:-1])


def _spread(votes: IntArray, active: BoolArray) -> IntArray:
    """Gives votes their latents: they come counted over the active ones, in the first columns."""
    spread = np.zeros_like(votes)
    spread[:, active] = votes[:, : active.sum()]
    return spread


def _scored(
    variances: FloatArray, active: BoolArray, train_votes: IntArray, eval_votes: IntArray
) -> FactorVaeScore:
    """Takes the majority of the training votes and scores both sets of votes by it."""
    majority = np.argmax(train_votes, axis=0)  # (C,)
    right = majority[None, :] == np.arange(len(train_votes))[:, None]  # (F, C)
    train_right, eval_right = train_votes * right, eval_votes * right
    return FactorVaeScore(
        eval_accuracy=float(eval_right.sum() / max(eval_votes.sum(), 1)),
        train_accuracy=float(train_right.sum() / max(train_votes.sum(), 1)),
        num_active_latents=int(active.sum()),
        active=active,
        global_variances=variances,
        train_votes=train_votes,
        eval_votes=eval_votes,
        factor_of_latent=majority,
        accuracy_per_factor=eval_right.sum(axis=1) / np.maximum(eval_votes.sum(axis=1), 1),
    )
