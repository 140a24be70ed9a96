"""The FactorVAE score of a grid, by the library's functions, and of a sample, by its rule."""

from typing import Any

import numpy as np
import numpy.typing as npt

from submission.errors import InputError
from submission.scoring.grid import GridData, Represent
from submission.scoring.library import library
from submission.scoring.scores import FactorVaeScore
from submission.scoring.settings import FactorVaeSettings

__all__ = ["factor_vae_of_grid", "factor_vae_of_samples"]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def factor_vae_of_grid(
    data: GridData, represent: Represent, settings: FactorVaeSettings, seed: int
) -> FactorVaeScore:
    """Scores the codes of a grid with the library's draws and votes.

    Args:
        data: the grid.
        represent: codes of grid points.
        settings: what is drawn.
        seed: of the random state.
    """
    lib = library().factor_vae
    random_state = np.random.RandomState(seed)
    variances = lib._compute_variances(
        data, represent, settings.num_variance_estimate, random_state
    )
    active = lib._prune_dims.__wrapped__(variances, settings.prune_threshold)

    def votes(num: int) -> IntArray:
        if not active.any():
            return np.zeros((data.num_factors, len(variances)), dtype=np.int64)
        drawn: IntArray = lib._generate_training_batch(
            data, represent, settings.batch_size, num, random_state, variances, active
        )
        return _spread(drawn, active)

    return _scored(variances, active, votes(settings.num_train), votes(settings.num_eval))


def factor_vae_of_samples(
    codes: FloatArray,
    factors: IntArray,
    names: tuple[str, ...],
    settings: FactorVaeSettings,
    seed: int,
) -> FactorVaeScore:
    """Scores any sample; rows that share a factor's value stand in for the grid's.

    For each vote a factor and a row are drawn uniformly, then `batch_size` rows, with
    replacement, out of those that have the row's value of that factor. On the rows of a full grid
    this is the library's rule with other random numbers. Variances are those of all rows.

    Args:
        codes: (n, C).
        factors: (n, F) values.
        names: F names, for the error.
        settings: what is drawn.
        seed: of the random state.

    Raises:
        ValueError: if a value that occurs has fewer rows than `batch_size`, which would make the
            variance within a group too small.
    """
    groups = [_groups(factors[:, f], names[f], settings.batch_size) for f in range(len(names))]
    random_state = np.random.RandomState(seed)
    variances = np.var(codes, axis=0, ddof=1)
    active = np.sqrt(variances) >= settings.prune_threshold

    def votes(num: int) -> IntArray:
        counts = np.zeros((len(names), codes.shape[1]), dtype=np.int64)
        if not active.any():
            return counts
        for _ in range(num):
            factor = random_state.randint(len(names))
            group = groups[factor][int(factors[random_state.randint(len(factors)), factor])]
            rows = codes[group[random_state.randint(len(group), size=settings.batch_size)]]
            local = np.var(rows[:, active], axis=0, ddof=1)
            counts[factor, np.argmin(local / variances[active])] += 1
        return _spread(counts, active)

    return _scored(variances, active, votes(settings.num_train), votes(settings.num_eval))


def _groups(values: IntArray, name: str, batch_size: int) -> dict[int, IntArray]:
    """Lists the rows of each value."""
    order = np.argsort(values, kind="stable")
    found, starts, counts = np.unique(values[order], return_index=True, return_counts=True)
    if counts.min() < batch_size:
        scarce = counts.argmin()
        raise InputError(
            f"expected at least {batch_size} rows of each value that occurs, got {counts[scarce]} "
            f"with {name} = {found[scarce]}; give more rows, or leave out factor_vae"
        )
    parts = np.split(order, starts[1:])
    return {int(value): part for value, part in zip(found, parts, strict=True)}


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
