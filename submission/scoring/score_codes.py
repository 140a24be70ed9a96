"""The five metrics of a table of codes, or of codes and factors of any sample."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data.ground_truth import GridData
from submission.errors import InputError, did_you_mean
from submission.factors import FactorSpace
from submission.scoring.checks import check_codes, check_seed, odd_latents, summarise_latents
from submission.scoring.draws import Draws, GridDraws, SampleDraws, varying
from submission.scoring.library import library, versions
from submission.scoring.metrics.catalogue import ALL_METRICS, METRICS, check_metrics
from submission.scoring.metrics.irs import irs_in_float64
from submission.scoring.results import Scores, Source
from submission.scoring.samples import numbered_factors, scarce_value, undrawn
from submission.scoring.settings import Settings

__all__ = ["score_samples", "score_table"]

COMPARING_LATENTS = ("dci", "sap", "mig")
"""Metrics that need a second latent."""

IMPRECISE = 100.0
"""Ratio of mean to deviation of a latent from which float32 sums of 10,000 codes lose digits."""


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
        settings: how much is drawn; the challenge's numbers if None.
        source: what the codes came from, kept beside the scores.
        hidden: factors that are drawn at random and not scored, such as smallnorb's instance.

    Raises:
        InputError: if N is not the product of the sizes; for NaN, infinite or huge codes; for one
            latent with MIG, SAP or DCI, which compare latents; for one varying factor with DCI;
            for a factor with one value only in the rows drawn; for an unknown hidden factor.

    Example:
        >>> space = FactorSpace(("shape", "size"), (3, 4))
        >>> codes = space.index_to_factors(range(12)).astype("float32")
        >>> score_table(codes, space, metrics=("irs",)).values()["irs"]
        1.0
    """
    values = check_codes(codes, space.num_points)
    _check_hidden(hidden, space)
    grid, _ = varying(space)
    visible, fixed = varying(space.without(hidden))
    draws = GridDraws(visible, GridData(grid, hidden), values, seed)
    return _score(draws, fixed, _note_on_fixed(fixed), metrics, settings or Settings(), source)


def score_samples(
    codes: npt.ArrayLike,
    factors: npt.ArrayLike,
    names: Sequence[str] | None = None,
    seed: int = 0,
    metrics: tuple[str, ...] = ALL_METRICS,
    settings: Settings | None = None,
) -> Scores:
    """Scores codes of any sample of points whose factor values are known.

    The rows are shuffled. DCI and SAP take their numbers of training and test rows out of them
    without overlap, in proportion where there are not enough. MIG and IRS take theirs, or all.

    No metric intervenes here: IRS and FactorVAE compare rows that share a value. Where factors
    are correlated, rows that share one factor's value share others' too, so these two scores then
    tell about conditioning, not about intervention.

    These are left out, with a note: factors with a single value, factors with a single value in
    the rows that a metric draws which was asked for, and FactorVAE where a value has fewer rows
    than a vote needs.

    Args:
        codes: (n, C) float32 or float64.
        factors: (n, F) whole numbers or strings. Only their order matters.
        names: F names; "factor 0" and so on if None.
        seed: of the shuffling and of FactorVAE's draws.
        metrics: which metrics, out of `ALL_METRICS`.
        settings: how much is drawn; the challenge's numbers if None.

    Raises:
        InputError: as `score_table`; for factors of another shape or kind, and fewer than 3 rows.

    Example:
        >>> factors = np.random.default_rng(0).integers(3, size=(1000, 2))
        >>> round(score_samples(factors * 1.0, factors, metrics=("irs",)).values()["irs"], 3)
        1.0
    """
    settings = settings or Settings()
    numbers, labels = numbered_factors(factors)
    rows = check_codes(codes, len(numbers))
    check_seed(seed)
    if names is None:
        names = [f"factor {f}" for f in range(len(labels))]
    space = FactorSpace(tuple(names), tuple(len(values) for values in labels))
    _, single = varying(space)
    every = dict(zip(names, labels, strict=True))
    draws = SampleDraws(space, rows, numbers, seed).without(single)
    rare, notes = undrawn(draws, every, settings, metrics)
    if len(rare) == draws.space.num_factors:
        reason = next(iter(rare.values()))
        raise InputError(f"expected a factor with 2 values in the rows drawn, got none: {reason}")
    draws = draws.without(rare)
    notes = [*_note_on_fixed(single), *rare.values(), *notes]
    if "factor_vae" in metrics and (scarce := scarce_value(draws, every, settings.factor_vae)):
        if tuple(metrics) == ("factor_vae",):
            raise InputError(scarce)
        metrics = tuple(metric for metric in metrics if metric != "factor_vae")
        notes.append(f"FactorVAE is left out: {scarce}.")
    return _score(draws, (*single, *rare), notes, metrics, settings, None)


def _note_on_fixed(names: Sequence[str]) -> list[str]:
    return [f"Left out, with a single value: {', '.join(names)}."] if names else []


def _score(
    draws: Draws,
    fixed: tuple[str, ...],
    notes_on_factors: Sequence[str],
    metrics: tuple[str, ...],
    settings: Settings,
    source: Source | None,
) -> Scores:
    """Computes each metric that was asked for, and measures its time without the import's."""
    codes = draws.codes
    _check_comparable(draws, metrics)
    library()
    results: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for metric in (metric for metric in ALL_METRICS if metric in metrics):
        start = time.perf_counter()
        results[metric] = METRICS[metric].compute(draws, getattr(settings, metric))
        seconds[metric] = time.perf_counter() - start
    latents = summarise_latents(codes)
    drawn = results["mig"].latents if "mig" in results else latents
    notes = odd_latents(latents, drawn, settings.factor_vae.prune_threshold)
    if "irs" in results and codes.dtype == np.float32 and latents.far(IMPRECISE).any():
        notes += _lost_digits(draws, settings, results["irs"].irs)
    return Scores(
        seed=draws.seed,
        kind="table" if isinstance(draws, GridDraws) else "samples",
        num_rows=len(codes),
        num_latents=codes.shape[1],
        factor_names=draws.space.names,
        factor_sizes=draws.space.sizes,
        fixed_factors=fixed,
        settings=settings,
        latents=latents,
        notes=(*notes, *notes_on_factors),
        seconds=seconds,
        versions=versions(),
        source=source,
        **results,
    )


def _check_hidden(hidden: tuple[str, ...], space: FactorSpace) -> None:
    """Refuses hidden factors that the grid does not have, and hiding them all."""
    for name in hidden:
        if name not in space.names:
            known = ", ".join(space.names)
            hint = did_you_mean(name, space.names, "leave it out")
            raise InputError(f"expected hidden factors out of {known}, got {name!r}; {hint}")
    if set(hidden) == set(space.names):
        raise InputError(f"expected a factor that is not hidden, got hidden = {hidden}")


def _check_comparable(draws: Draws, metrics: tuple[str, ...]) -> None:
    """Refuses metrics that have nothing to compare, and an impossible seed."""
    check_metrics(metrics)
    check_seed(draws.seed)
    comparing = [metric for metric in metrics if metric in COMPARING_LATENTS]
    if draws.codes.shape[1] < 2 and comparing:
        raise InputError(
            f"expected at least 2 latents for {', '.join(comparing)}, got 1; "
            "ask for factor_vae and irs only"
        )
    if draws.space.num_factors < 2 and "dci" in metrics:
        raise InputError(
            "expected at least 2 factors that vary, got "
            f"{', '.join(draws.space.names) or 'none'}: dci compares factors; leave it out"
        )


def _lost_digits(draws: Draws, settings: Settings, irs: float) -> list[str]:
    """Says what IRS would be without float32 rounding, where that differs."""
    exact = irs_in_float64(draws, settings.irs)
    if abs(exact - irs) < 0.001:
        return []
    return [
        f"IRS is {irs:z.3f} because the library sums float32 codes that lie far from zero, as on "
        f"the evaluation server; in float64 it is {exact:z.3f}. Subtract the mean in the model."
    ]
