"""The matrices behind the scores, each brought to (latents, factors) with entries up to 1."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from submission.errors import InputError
from submission.scoring.arrays import FloatArray, IntArray
from submission.scoring.results import MigScore, Scores

__all__ = ["FOLLOWS", "Matrix", "following", "matrices_of", "order_latents"]


FOLLOWS = 0.1
"""Share of a factor's entropy below which a latent is said to follow no factor."""

FALSE_ALARM = 0.001
"""Probability that any entry of latents which are independent of all factors is called more."""


TEXTS = {
    "mig": (
        "Mutual information (MIG)",
        "Share of the factor's entropy that the latent holds: 0 nothing, 1 everything. "
        "MIG is the mean over factors of the best entry minus the second best.",
    ),
    "dci": (
        "Tree importance (DCI)",
        "How much boosted trees rely on the latent when they predict the factor; a "
        "column adds up to 1. DCI is high where every latent serves one factor only.",
    ),
    "sap": (
        "Linear accuracy (SAP)",
        "How often a linear classifier names the factor's value from this latent alone. "
        "SAP is the mean over factors of the best entry minus the second best.",
    ),
    "factor_vae": (
        "Votes (FactorVAE)",
        "How often the latent varied least of all while the factor was held fixed; a "
        "column adds up to 1. A latent stands for the factor that votes for it most.",
    ),
    "irs": (
        "Robustness (IRS)",
        "How little the latent moves while the factor is held fixed and all others "
        "vary: 1 not at all; below 0 where it moves further than its largest deviation "
        "from its mean. A whole row of high entries is a sign of heavy tails.",
    ),
}
"""Title of each metric's matrix, and what an entry means."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """What one metric has found between each latent and each factor.

    Attributes:
        metric: its name.
        title: what an entry is, in a few words.
        explanation: what an entry says, in a sentence.
        values: (C, F), up to 1; from 0 except for IRS, whose entries have no lower bound.
        floor: (F,) entries from which on a latent tells of the factor; None where entries do not
            say that, because noise has high ones too.
    """

    metric: str
    title: str
    explanation: str
    values: FloatArray
    floor: FloatArray | None = None


def matrices_of(scores: Scores) -> list[Matrix]:
    """Lists the matrices that were computed, the most telling about factors first.

    Raises:
        InputError: if no metric has been computed.

    Example:
        >>> from submission.scoring import score_samples
        >>> factors = np.indices((3, 4)).reshape(2, -1).T
        >>> scores = score_samples(factors * 1.0, factors, metrics=("mig",))
        >>> [(matrix.metric, matrix.values.round(2).tolist()) for matrix in matrices_of(scores)]
        [('mig', [[1.0, 0.0], [0.0, 1.0]])]
    """
    entries: dict[str, FloatArray] = {}
    floors: dict[str, FloatArray] = {}
    if scores.mig is not None:
        entries["mig"] = scores.mig.mutual_information / scores.mig.entropies
        floors["mig"] = _floor(scores, scores.mig)
    if scores.dci is not None:
        entries["dci"] = scores.dci.importances
    if scores.sap is not None:
        entries["sap"] = scores.sap.accuracies
    if scores.factor_vae is not None:
        votes = scores.factor_vae.train_votes  # (F, C)
        entries["factor_vae"] = (votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)).T
    if scores.irs is not None:
        entries["irs"] = scores.irs.matrix
    if not entries:
        raise InputError("expected the result of at least one metric, got none; evaluate again")
    return [Matrix(name, *TEXTS[name], entries[name], floors.get(name)) for name in entries]


def following(matrix: Matrix) -> IntArray:
    """Finds the factor with the largest entry for each latent.

    Returns:
        (C,) factors; -1 where no entry of the latent reaches the factor's floor.

    Example:
        >>> values = np.array([[0.0, 0.9], [0.05, 0.02]])
        >>> following(Matrix("mig", "", "", values, floor=np.array([0.1, 0.1]))).tolist()
        [1, -1]
    """
    floor = np.inf if matrix.floor is None else matrix.floor
    values = np.where(matrix.values >= floor, matrix.values, -np.inf)
    return np.where(values.max(axis=1) > -np.inf, values.argmax(axis=1), -1)


def order_latents(matrix: Matrix, active: npt.NDArray[np.bool_]) -> list[int]:
    """Orders latents by the factor that they follow, the strongest first.

    Active latents that follow no factor come after the others, inactive ones last.

    Args:
        matrix: what decides.
        active: (C,) which latents are.

    Returns:
        all C latents.

    Example:
        >>> values = np.array([[0.0, 0.9], [0.8, 0.0], [0.0, 0.0]])
        >>> matrix = Matrix("mig", "", "", values, floor=np.array([0.1, 0.1]))
        >>> order_latents(matrix, active=np.array([True, True, False]))
        [1, 0, 2]
    """
    factors, strength = following(matrix), matrix.values.max(axis=1)
    keys = [
        (not active[c], bool(factors[c] < 0), int(factors[c]), -float(strength[c]))
        for c in range(len(factors))
    ]
    return sorted(range(len(keys)), key=keys.__getitem__)


def _floor(scores: Scores, mig: MigScore) -> FloatArray:
    """Computes the share of each factor's entropy that independent latents hardly reach.

    Of n independent rows, 2 n times the mutual information of a latent's bins and a factor's
    values follows the chi-squared law with (bins - 1) (values - 1) degrees of freedom. Draws from
    a grid of N points repeat its own chance dependence: 1 / n becomes 1 / n + 1 / N.
    """
    from scipy.stats import chi2

    settings, num_rows = scores.settings.mig, scores.num_rows
    inverse = 1 / min(settings.num_train, num_rows)
    if scores.kind == "table":
        inverse = 1 / settings.num_train + 1 / num_rows
    freedom = (settings.num_bins - 1) * (np.array(scores.factor_sizes) - 1)
    information = chi2.isf(FALSE_ALARM / mig.mutual_information.size, freedom) * inverse / 2
    floor: FloatArray = np.maximum(FOLLOWS, information / mig.entropies)
    return floor
