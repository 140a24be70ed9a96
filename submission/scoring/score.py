"""The five metrics of a table of codes, or of codes and factors of any sample."""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.errors import InputError
from submission.factors import FactorSpace
from submission.scoring import metrics as compute
from submission.scoring.checks import check_codes, odd_latents, summarise_latents
from submission.scoring.factor_vae import factor_vae_of_grid, factor_vae_of_samples
from submission.scoring.grid import GridData, draw_rows, lookup, varying
from submission.scoring.library import library, versions
from submission.scoring.scores import (
    DciScore,
    FactorVaeScore,
    IrsScore,
    MigScore,
    SapScore,
    Scores,
    Source,
)
from submission.scoring.settings import (
    ALL_METRICS,
    DciSettings,
    IrsSettings,
    MigSettings,
    SapSettings,
    Settings,
    check_metrics,
)

__all__ = ["score_samples", "score_table"]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]

FIT_TREES: Callable[[compute.Rows, compute.Rows], compute.Trees] = compute.fast_trees
"""How DCI's trees are fitted."""

COMPARING_LATENTS = ("dci", "sap", "mig")
"""Metrics that need a second latent."""


@dataclass(frozen=True, eq=False)
class _Subject:
    """Codes that are scored, and how rows of them are drawn.

    Attributes:
        kind: "table" or "samples".
        codes: (N, C).
        space: names and numbers of values of the factors that vary.
        fixed: names of the factors that do not.
        draw: draws sets of rows, given their numbers of rows and the rows per draw.
        factor_vae: computes the FactorVAE score.
    """

    kind: str
    codes: FloatArray
    space: FactorSpace
    fixed: tuple[str, ...]
    draw: Callable[[tuple[int, ...], int], list[compute.Rows]]
    factor_vae: Callable[[], FactorVaeScore]


def score_table(
    codes: npt.ArrayLike,
    space: FactorSpace,
    seed: int = 0,
    metrics: tuple[str, ...] = ALL_METRICS,
    settings: Settings | None = None,
    source: Source | None = None,
    hidden: tuple[str, ...] = (),
) -> Scores:
    """Scores the codes of every point of a factor grid, with the library's own draws.

    Factors with a single value take no part: the scores are those of the grid without them.

    Args:
        codes: (N, C) float32 or float64, in the order of the grid.
        space: the grid.
        seed: of each metric's random state; the challenge's is 0.
        metrics: which metrics, out of `ALL_METRICS`.
        settings: what is drawn; the challenge's numbers if None.
        source: what the codes came from, to be kept beside the scores.
        hidden: factors that are drawn at random and not scored, such as smallnorb's instance.

    Raises:
        ValueError: if N is not the product of the sizes; for NaN, infinite or huge codes; for one
            latent with MIG, SAP or DCI, which compare latents; for one varying factor with DCI.
    """
    table = check_codes(codes, space.num_points)
    settings = settings or Settings()
    grid, _ = varying(space)
    visible, fixed = varying(space.without(hidden))
    data, represent = GridData(grid, hidden), lookup(table)

    def draw(nums: tuple[int, ...], batch_size: int) -> list[compute.Rows]:
        return draw_rows(data, represent, nums, batch_size, seed)

    def factor_vae() -> FactorVaeScore:
        return factor_vae_of_grid(data, represent, settings.factor_vae, seed)

    subject = _Subject("table", table, visible, fixed, draw, factor_vae)
    return _score(subject, seed, metrics, settings, source)


def score_samples(
    codes: npt.ArrayLike,
    factors: npt.ArrayLike,
    names: Sequence[str] | None = None,
    seed: int = 0,
    metrics: tuple[str, ...] = ALL_METRICS,
    settings: Settings | None = None,
    source: Source | None = None,
) -> Scores:
    """Scores codes of any sample of points whose factor values are known.

    The rows are shuffled. DCI and SAP take their numbers of training and test rows out of them
    without overlap, in proportion where there are not enough; MIG and IRS take theirs, or all.
    IRS asks for no intervention, it compares rows that share a value. FactorVAE does the same
    here, see `factor_vae_of_samples`. Factors with a single value take no part.

    Args:
        codes: (n, C) float32 or float64.
        factors: (n, F) integers. IRS puts them into equal-width bins as they are.
        names: F names; "factor 0" and so on if None.
        seed: of the shuffling and of FactorVAE's draws.
        metrics: which metrics, out of `ALL_METRICS`.
        settings: what is drawn; the challenge's numbers if None.
        source: what the codes came from, to be kept beside the scores.

    Raises:
        ValueError: as `score_table`, for factors that are not integers (n, F), for fewer than 3
            rows, and for values with too few rows for FactorVAE.
    """
    values = np.asarray(factors)
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.integer) or len(values) < 3:
        raise InputError(
            f"expected integer factors of shape (n, F) with n of at least 3, "
            f"got {values.dtype} of shape {values.shape}"
        )
    rows = check_codes(codes, len(values))
    settings = settings or Settings()
    names = tuple(names or (f"factor {f}" for f in range(values.shape[1])))
    sizes = tuple(len(np.unique(column)) for column in values.T)
    space, fixed = varying(FactorSpace(names, sizes))
    kept = values[:, [name not in fixed for name in names]].astype(np.int64)

    def draw(nums: tuple[int, ...], batch_size: int) -> list[compute.Rows]:
        order = np.random.RandomState(seed).permutation(len(rows))
        ends = np.cumsum([0, *_shares(nums, len(rows))])
        parts = [order[start:end] for start, end in itertools.pairwise(ends)]
        return [(rows[part].T, kept[part].T) for part in parts]

    def factor_vae() -> FactorVaeScore:
        return factor_vae_of_samples(rows, kept, space.names, settings.factor_vae, seed)

    subject = _Subject("samples", rows, space, fixed, draw, factor_vae)
    return _score(subject, seed, metrics, settings, source)


def _shares(nums: tuple[int, ...], available: int) -> list[int]:
    """Scales numbers of rows down to those there are, each at least 1."""
    total = sum(nums)
    if total <= available:
        return list(nums)
    return [max(1, num * available // total) for num in nums]


def _dci(subject: _Subject, settings: DciSettings) -> DciScore:
    train, test = subject.draw((settings.num_train, settings.num_test), settings.batch_size)
    return compute.dci(train, test, FIT_TREES)


def _sap(subject: _Subject, settings: SapSettings) -> SapScore:
    train, test = subject.draw((settings.num_train, settings.num_test), settings.batch_size)
    return compute.sap(train, test)


def _irs(subject: _Subject, settings: IrsSettings) -> IrsScore:
    (rows,) = subject.draw((settings.num_train,), settings.batch_size)
    return compute.irs(rows, settings)


def _mig(subject: _Subject, settings: MigSettings) -> MigScore:
    (rows,) = subject.draw((settings.num_train,), settings.batch_size)
    return compute.mig(rows, settings)


def _score(
    subject: _Subject,
    seed: int,
    metrics: tuple[str, ...],
    settings: Settings,
    source: Source | None,
) -> Scores:
    """Computes each metric that was asked for and takes its time, without the import's."""
    check_metrics(metrics)
    comparing = [metric for metric in metrics if metric in COMPARING_LATENTS]
    if subject.codes.shape[1] < 2 and comparing:
        raise InputError(
            f"expected at least 2 latents, got 1: {comparing} compare latents; "
            "ask for factor_vae and irs only"
        )
    if subject.space.num_factors < 2 and "dci" in metrics:
        raise InputError(
            f"expected at least 2 factors that vary, got {subject.space.names}: "
            "dci compares factors; leave it out"
        )
    library()
    ways: dict[str, Callable[[], object]] = {
        "factor_vae": subject.factor_vae,
        "dci": lambda: _dci(subject, settings.dci),
        "sap": lambda: _sap(subject, settings.sap),
        "irs": lambda: _irs(subject, settings.irs),
        "mig": lambda: _mig(subject, settings.mig),
    }
    results: dict[str, object] = {}
    seconds: dict[str, float] = {}
    for metric in (metric for metric in ALL_METRICS if metric in metrics):
        start = time.perf_counter()
        results[metric] = ways[metric]()
        seconds[metric] = time.perf_counter() - start
    latents = summarise_latents(subject.codes)
    mig = results.get("mig")
    drawn = mig.latents if isinstance(mig, MigScore) else latents
    notes = odd_latents(latents, drawn, settings.factor_vae.prune_threshold)
    if subject.fixed:
        notes.append(f"Left out, with a single value: {', '.join(subject.fixed)}.")
    return Scores(
        seed=seed,
        kind=subject.kind,
        num_rows=len(subject.codes),
        num_latents=subject.codes.shape[1],
        factor_names=subject.space.names,
        factor_sizes=subject.space.sizes,
        fixed_factors=subject.fixed,
        settings=settings,
        latents=latents,
        notes=tuple(notes),
        seconds=seconds,
        versions=versions(),
        source=source,
        **results,  # type: ignore[arg-type]
    )
