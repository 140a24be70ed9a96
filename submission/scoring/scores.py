"""Typed results of scoring, as plain data too."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from submission.errors import InputError
from submission.scoring.checks import LatentSummary
from submission.scoring.settings import ALL_METRICS, Settings

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

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FactorVaeScore:
    """FactorVAE: can a majority vote tell from the calmest latent which factor was held fixed?

    Attributes:
        eval_accuracy: the score: share of evaluation votes that name their factor.
        train_accuracy: the same for the votes that the majority came from.
        num_active_latents: latents with at least the threshold's spread; only they are voted for.
        active: (C,) which these are.
        global_variances: (C,) each latent's variance over the whole set.
        train_votes: (F, C) how often a latent was calmest while a factor was held fixed.
        eval_votes: (F, C) the same, drawn anew for evaluation.
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

    @property
    def score(self) -> float:
        """The number that is compared, higher is better."""
        return self.eval_accuracy


@dataclass(frozen=True, eq=False)
class DciScore:
    """DCI: how concentrated boosted trees' importances are.

    Attributes:
        disentanglement: the score: weighted mean over latents of 1 - entropy over factors.
        completeness: weighted mean over factors of 1 - entropy over latents.
        informativeness_train: share of training rows classified right, mean over factors.
        informativeness_test: the same for test rows.
        importances: (C, F) importance of each latent for predicting each factor.
        disentanglement_per_latent: (C,).
        weight_of_latent: (C,) share of a latent in all importance, the weights of the score.
        completeness_per_factor: (F,).
        train_accuracy_per_factor: (F,).
        test_accuracy_per_factor: (F,).
    """

    disentanglement: float
    completeness: float
    informativeness_train: float
    informativeness_test: float
    importances: FloatArray
    disentanglement_per_latent: FloatArray
    weight_of_latent: FloatArray
    completeness_per_factor: FloatArray
    train_accuracy_per_factor: FloatArray
    test_accuracy_per_factor: FloatArray

    @property
    def score(self) -> float:
        """The number that is compared, higher is better."""
        return self.disentanglement


@dataclass(frozen=True, eq=False)
class SapScore:
    """SAP: by how much the best single latent predicts a factor better than the second best.

    Attributes:
        sap: the score: mean over factors of the gap.
        accuracies: (C, F) test accuracy of a linear classifier on one latent alone.
        gap_per_factor: (F,) best minus second best.
        latent_of_factor: (F,) the best latent.
    """

    sap: float
    accuracies: FloatArray
    gap_per_factor: FloatArray
    latent_of_factor: IntArray

    @property
    def score(self) -> float:
        """The number that is compared, higher is better."""
        return self.sap


@dataclass(frozen=True, eq=False)
class IrsScore:
    """IRS: how little a latent moves while a factor is held fixed and all others vary.

    Heavy-tailed noise scores high, so it says little without the other metrics.

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


@dataclass(frozen=True, eq=False)
class MigScore:
    """MIG: by how much more the best latent tells about a factor than the second best.

    Attributes:
        mig: the score: mean over factors of the gap.
        mutual_information: (C, F) in nats, between binned latents and factors.
        entropies: (F,) of the factors, in nats.
        gap_per_factor: (F,) best minus second best, over the factor's entropy.
        latent_of_factor: (F,) the best latent.
        latents: where the values of the rows used lie; the bins divide minimum to maximum.
    """

    mig: float
    mutual_information: FloatArray
    entropies: FloatArray
    gap_per_factor: FloatArray
    latent_of_factor: IntArray
    latents: LatentSummary

    @property
    def score(self) -> float:
        """The number that is compared, higher is better."""
        return self.mig


@dataclass(frozen=True)
class Source:
    """What codes came from, so that a score says which of several sets of one name it is about.

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
        factor_names: F names of the factors that vary; the metrics are about these.
        factor_sizes: their numbers of values.
        fixed_factors: factors with a single value, which take no part.
        settings: what was drawn.
        latents: where all the codes lie.
        notes: what a reader must know, in sentences.
        seconds: how long each metric took.
        versions: packages that the scores depend on.
        source: what the codes came from, if known.
        factor_vae: result, or None if it was not asked for; so are the others.
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

    @property
    def num_active_latents(self) -> int:
        """Latents whose standard deviation reaches FactorVAE's threshold."""
        return int((self.latents.std >= self.settings.factor_vae.prune_threshold).sum())

    def to_dict(self) -> dict[str, Any]:
        """Turns everything into dictionaries, lists, numbers and strings, ready for JSON."""
        plain = _plain(self)
        assert isinstance(plain, dict)
        return plain


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {
            entry.name: _plain(getattr(value, entry.name)) for entry in dataclasses.fields(value)
        }
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value


def scores_from_dict(content: Mapping[str, Any]) -> Scores:
    """Reads back what `Scores.to_dict` wrote.

    Raises:
        ValueError: if a field is missing or unknown.
    """
    scores = _typed(Scores, content)
    assert isinstance(scores, Scores)
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
        return np.asarray(value)
    if get_origin(kind) is tuple:
        return tuple(value)
    return value
