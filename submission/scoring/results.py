"""The scores of one set of codes, as typed values and as plain data."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from submission.errors import InputError
from submission.scoring.checks import LatentSummary
from submission.scoring.metrics.catalogue import ALL_METRICS
from submission.scoring.metrics.dci import DciScore
from submission.scoring.metrics.factor_vae import FactorVaeScore
from submission.scoring.metrics.irs import IrsScore
from submission.scoring.metrics.mig import MigScore
from submission.scoring.metrics.sap import SapScore
from submission.scoring.settings import Settings

__all__ = [
    "DciScore",
    "FactorVaeScore",
    "IrsScore",
    "MigScore",
    "SapScore",
    "Scores",
    "Source",
    "scores_from_dict",
]


@dataclass(frozen=True)
class Source:
    """What codes came from: several data sets share a name, so scores carry hashes too.

    Attributes:
        data_name: the data set's name.
        data_sha256: hash of its file.
        model_sha256: hash of the model that made the codes.
        config_sha256: hash of the settings that it was made with.
    """

    data_name: str
    data_sha256: str
    model_sha256: str
    config_sha256: str


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of one set of codes with one seed.

    Attributes:
        seed: seed of every metric's draws.
        kind: "table" for the codes of a full grid, "samples" for codes of some of its points.
        num_rows: N, how many codes there were.
        num_latents: C.
        factor_names: F names of the factors that are scored.
        factor_sizes: their numbers of values.
        fixed_factors: factors with a single value, or a single one in the rows drawn: not scored.
        settings: what was drawn.
        latents: where all the codes lie.
        notes: what a reader must know, a sentence or two each.
        seconds: how long each metric took.
        versions: packages that the scores depend on.
        source: what the codes came from, if known.
        factor_vae: what this metric found, None if it was not computed; so are the others.
    """

    seed: int
    kind: str
    num_rows: int
    num_latents: int
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    fixed_factors: tuple[str, ...]
    settings: Settings
    latents: LatentSummary
    notes: tuple[str, ...]
    seconds: dict[str, float]
    versions: dict[str, str]
    source: Source | None = None
    factor_vae: FactorVaeScore | None = None
    dci: DciScore | None = None
    sap: SapScore | None = None
    irs: IrsScore | None = None
    mig: MigScore | None = None

    def values(self) -> dict[str, float]:
        """Gives the compared number of each metric there is, in the usual order."""
        results = {metric: getattr(self, metric) for metric in ALL_METRICS}
        return {metric: result.score for metric, result in results.items() if result is not None}

    def differing(self, other: "Scores", *more: str) -> list[str]:
        """Names the fields that differ, of those that scores must share to be compared and more."""
        names = ("kind", "num_rows", "factor_names", "factor_sizes", "settings", *more)
        return [name for name in names if getattr(self, name) != getattr(other, name)]

    @property
    def num_active_latents(self) -> int:
        """Latents whose standard deviation reaches FactorVAE's threshold."""
        return int((self.latents.std >= self.settings.factor_vae.prune_threshold).sum())

    def to_dict(self) -> dict[str, Any]:
        """Turns everything into dictionaries, lists, numbers and strings, ready for JSON."""
        text = json.dumps(dataclasses.asdict(self), default=lambda array: array.tolist())
        content: dict[str, Any] = json.loads(text)
        return content


def scores_from_dict(content: Mapping[str, Any]) -> Scores:
    """Reads back what `Scores.to_dict` wrote.

    Raises:
        InputError: if a field is missing, unknown, or of another type.

    Example:
        >>> from submission.scoring import score_samples
        >>> factors = np.random.default_rng(0).integers(3, size=(1000, 2))
        >>> scores = score_samples(factors * 1.0, factors, metrics=("irs",))
        >>> scores_from_dict(scores.to_dict()).values() == scores.values()
        True
    """
    scores: Scores = _typed(Scores, content)
    return scores


def _typed(kind: Any, value: Any) -> Any:
    """Builds a value of an annotated type out of plain data."""
    if get_origin(kind) in (Union, UnionType):
        return None if value is None else _typed(get_args(kind)[0], value)
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        if not isinstance(value, Mapping) or set(value) != set(hints):
            raise InputError(
                f"expected the fields {sorted(hints)} of {getattr(kind, '__name__', kind)}, "
                f"got {sorted(value) if isinstance(value, Mapping) else value}"
            )
        return kind(**{name: _typed(hints[name], value[name]) for name in hints})  # type: ignore[operator]
    if get_origin(kind) is np.ndarray:
        numbers = np.asarray(value)
        if numbers.dtype.kind not in "bif":
            raise InputError(f"expected a list of numbers, got {str(value)[:80]}")
        return numbers
    expected = (int, float) if kind is float else get_origin(kind) or kind
    if expected is tuple and isinstance(value, list):
        return tuple(_typed(get_args(kind)[0], each) for each in value)
    if not isinstance(value, expected):
        raise InputError(f"expected {kind.__name__}, got {value!r}")
    return value
