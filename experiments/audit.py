"""Checks whether scores reflect disentanglement: other metrics, other scales, clipped tails."""

from typing import Any

import numpy as np
import numpy.typing as npt

from submission.scoring.code_table import CodeTable
from submission.scoring.metrics.infomec import infomec
from submission.scoring.results import Scores
from submission.scoring.score_codes import score_table

__all__ = ["audit", "by_factor"]

OUTLIERS = 1 / 2000

Codes = npt.NDArray[np.float32]


def audit(table: CodeTable) -> dict[str, Any]:
    """Computes what the five scores of a table are compared with.

    SAP's classifier has a penalty, so SAP depends on scale. IRS divides by the largest deviation,
    so a few large values raise it. Both are computed on changed codes that carry the same
    information:

    - `sap_unit` and `sap_times_10`: SAP of codes scaled to a standard deviation of 1 and 10;
    - `irs_clipped`: IRS of codes clipped to their central 98 %;
    - `irs_outliers`: IRS of codes of which one in 2,000 is moved by 20 standard deviations.

    Returns:
        These four, `second_seed`: the five metrics with evaluation seed 1, and `infomec`: three
        metrics that were not looked at when settings were chosen.
    """
    codes, space = table.codes, table.space
    factors = space.index_to_factors(np.arange(space.num_points))
    low, high = np.quantile(codes, [0.01, 0.99], axis=0).astype(np.float32)
    scale = np.maximum(codes.std(axis=0, dtype=np.float64), 1e-12).astype(np.float32)
    moved = np.random.default_rng(0).random(codes.shape) < OUTLIERS

    def sap(changed: Codes) -> float:
        return score_table(changed, space, 0, ("sap",)).values()["sap"]

    def irs(changed: Codes) -> float:
        return score_table(changed, space, 0, ("irs",)).values()["irs"]

    return {
        "second_seed": score_table(codes, space, 1).values(),
        "infomec": infomec(codes, factors)._asdict(),
        "sap_unit": sap(codes / scale),
        "sap_times_10": sap(10 * codes / scale),
        "irs_clipped": irs(codes.clip(low, high)),
        "irs_outliers": irs(codes + 20 * scale * moved),
    }


def by_factor(scores: Scores) -> dict[str, dict[str, float]]:
    """Splits the scores by factor.

    Args:
        scores: with all five metrics.

    Returns:
        For each factor its gaps in SAP and MIG, its completeness in DCI, and the robustness in
        IRS of the latent that has most information on it.
    """
    sap, mig, dci, irs = scores.sap, scores.mig, scores.dci, scores.irs
    if sap is None or mig is None or dci is None or irs is None:
        raise ValueError(f"expected all five metrics, got {', '.join(scores.values())}")
    return {
        name: {
            "dci": float(dci.completeness_per_factor[number]),
            "sap": float(sap.gap_per_factor[number]),
            "irs": float(irs.robustness_per_latent[mig.latent_of_factor[number]]),
            "mig": float(mig.gap_per_factor[number]),
        }
        for number, name in enumerate(scores.factor_names)
    }
