"""Which metrics there are, in the order of every table, and what each is called."""

from collections.abc import Callable
from typing import Any, NamedTuple

from submission.errors import InputError
from submission.scoring.draws import Draws
from submission.scoring.metrics.dci import compute_dci
from submission.scoring.metrics.factor_vae import compute_factor_vae
from submission.scoring.metrics.irs import compute_irs
from submission.scoring.metrics.mig import compute_mig
from submission.scoring.metrics.sap import compute_sap

__all__ = ["ALL_METRICS", "METRICS", "TITLES", "Metric", "check_metrics"]


class Metric(NamedTuple):
    """A metric's names and its computation.

    Attributes:
        title: its name in tables.
        folder: the starter kit's name of it, and of the folder of its result files.
        function: the library's function in gin.
        field: the library's name of the number that is compared.
        compute: computes the metric's result from rows drawn and its settings.
    """

    title: str
    folder: str
    function: str
    field: str
    compute: Callable[[Draws, Any], Any]


METRICS = {
    "factor_vae": Metric(
        "FactorVAE", "factor_vae_metric", "factor_vae_score", "eval_accuracy", compute_factor_vae
    ),
    "dci": Metric("DCI", "dci", "dci", "disentanglement", compute_dci),
    "sap": Metric("SAP", "sap_score", "sap_score", "SAP_score", compute_sap),
    "irs": Metric("IRS", "irs", "irs", "IRS", compute_irs),
    "mig": Metric("MIG", "mig", "mig", "discrete_mig", compute_mig),
}
"""The metrics by their names, which are fields of `Settings` and of `Scores`."""

ALL_METRICS = tuple(METRICS)

TITLES = {name: metric.title for name, metric in METRICS.items()}


def check_metrics(metrics: tuple[str, ...]) -> None:
    """Refuses an empty choice of metrics, a repeated one and an unknown one.

    Raises:
        InputError: naming the metrics there are.

    Example:
        >>> check_metrics(("mig", "mgi"))
        Traceback (most recent call last):
        submission.errors.InputError: expected distinct metrics out of ... got ('mig', 'mgi')
    """
    if not metrics or len(set(metrics)) != len(metrics) or not set(metrics) <= set(ALL_METRICS):
        raise InputError(f"expected distinct metrics out of {ALL_METRICS}, got {metrics}")
