"""Which latent carries each factor, how well, and a verdict in a word."""

from dataclasses import dataclass

import numpy as np

from submission.report.matrices import Matrix
from submission.scoring.arrays import FloatArray
from submission.scoring.best_latents import best_latents
from submission.scoring.results import Scores

__all__ = ["RULES", "VERDICTS", "Carrier", "carriers_of", "verdict_of"]

CLEAR_GAP = 0.5
LEANING_GAP = 0.2
SHARED_ACCURACY = 0.5

VERDICTS = ("one latent", "mainly one", "shared", "weak", "unknown")
"""The words, best first."""

RULES = {
    "one latent": f"the best entry is no chance, and the MIG gap is at least {CLEAR_GAP:g}",
    "mainly one": f"the same with a MIG gap of at least {LEANING_GAP:g}",
    "shared": "neither, but trees on all latents, which read images that they did not learn from, "
    f"get at least {100 * SHARED_ACCURACY:.0f} % of the way from chance to certainty",
    "weak": "none of these",
    "unknown": "MIG was not computed, or training kept no codes that trees could read",
}
"""When each word is used, the first that holds."""


@dataclass(frozen=True)
class Carrier:
    """What the scores say about one factor; None where a metric was not computed.

    Attributes:
        factor: its name.
        size: its number of values.
        latent: the latent with the largest entry for it in the deciding matrix; None if no latent
            tells anything of it.
        strength: that entry.
        is_told: whether that entry is more than chance explains.
        second: the latent with the second largest entry, if there is one.
        second_strength: its entry, 0 if there is none.
        verdict: one of `VERDICTS`.
        mig_gap: share of the factor's entropy that the best latent holds, minus the second's.
        sap_gap: linear accuracy of the best latent minus the second's.
        linear_accuracy: of the best single latent.
        tree_accuracy: of trees on all latents, of images that they did not learn from.
        completeness: 1 if the trees need a single latent.
        vote_accuracy: share of FactorVAE's votes that name the factor.
    """

    factor: str
    size: int
    latent: int | None
    strength: float
    is_told: bool
    second: int | None
    second_strength: float
    verdict: str
    mig_gap: float | None
    sap_gap: float | None
    linear_accuracy: float | None
    tree_accuracy: float | None
    completeness: float | None
    vote_accuracy: float | None

    @property
    def chance(self) -> float:
        """Accuracy of a guess."""
        return 1 / self.size


def verdict_of(mig_gap: float | None, accuracy: float | None, size: int) -> str:
    """Chooses the verdict on a factor by `RULES`.

    Args:
        mig_gap: between best and second latent, if known.
        accuracy: of a classifier on all latents, of images that it did not learn from, if known.
        size: the factor's number of values.

    Example:
        >>> verdict_of(0.6, accuracy=0.9, size=3), verdict_of(0.1, accuracy=0.9, size=3)
        ('one latent', 'shared')
    """
    if mig_gap is None:
        return "unknown"
    if mig_gap >= CLEAR_GAP:
        return "one latent"
    if mig_gap >= LEANING_GAP:
        return "mainly one"
    if accuracy is None:
        return "unknown"
    chance = 1 / size
    return "shared" if (accuracy - chance) / (1 - chance) >= SHARED_ACCURACY else "weak"


def carriers_of(scores: Scores, matrix: Matrix, read: FloatArray | None) -> list[Carrier]:
    """Summarises each factor that varies.

    Args:
        scores: of the representation.
        matrix: what decides which latent carries a factor, the first of `matrices_of`.
        read: (F,) accuracies by `read_by_all`; None if there are no codes.

    Example:
        >>> from submission.report.matrices import matrices_of
        >>> from submission.scoring import score_samples
        >>> factors = np.indices((3, 4)).reshape(2, -1).T
        >>> scores = score_samples(factors * 1.0, factors, metrics=("mig",))
        >>> [each.latent for each in carriers_of(scores, matrices_of(scores)[0], read=None)]
        [0, 1]
    """
    found = []
    carriers = best_latents(matrix.values).tolist()
    for place, (factor, size) in enumerate(
        zip(scores.factor_names, scores.factor_sizes, strict=True)
    ):
        column = matrix.values[:, place]
        order = np.argsort(-column, kind="stable").tolist()
        best, second = order[0], order[1] if len(order) > 1 else None
        gap = None if scores.mig is None else float(scores.mig.gap_per_factor[place])
        linear = None if scores.sap is None else float(scores.sap.accuracies[:, place].max())
        is_told = matrix.floor is not None and bool(column[best] >= matrix.floor[place])
        dci, votes = scores.dci, scores.factor_vae
        tree = None if read is None else float(read[place])
        found.append(
            Carrier(
                factor=factor,
                size=size,
                latent=best if carriers[place] >= 0 else None,
                strength=float(column[best]),
                is_told=is_told,
                second=second,
                second_strength=0.0 if second is None else float(column[second]),
                verdict=verdict_of(gap if is_told or gap is None else 0.0, tree, size),
                mig_gap=gap,
                sap_gap=None if scores.sap is None else float(scores.sap.gap_per_factor[place]),
                linear_accuracy=linear,
                tree_accuracy=tree,
                completeness=None if dci is None else float(dci.completeness_per_factor[place]),
                vote_accuracy=None if votes is None else float(votes.accuracy_per_factor[place]),
            )
        )
    return found
