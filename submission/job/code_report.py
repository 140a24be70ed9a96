"""The report on a file of codes: the page of an experiment, without a model and images."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.console import say
from submission.job.score import CodeScores, GridPoints, Sample, score_codes
from submission.report import write_page
from submission.report.subject import Subject
from submission.scoring.reference import CODE_RANGE
from submission.scoring.samples import numbered_factors
from submission.scoring.text_tables import Row

__all__ = ["write_code_report"]


def write_code_report(
    found: CodeScores,
    codes: npt.NDArray[np.floating[Any]],
    points: GridPoints | Sample,
    folder: Path,
) -> Path:
    """Writes a report of scored codes, with the scores of perfect codes of the same factor values.

    Perfect codes are not scored with DCI, whose trees take long and reach 1.

    Args:
        found: the scores of the codes, of at least one of the five metrics.
        codes: (n, C).
        points: what the rows are codes of.
        folder: where to write.

    Returns:
        The page, `report.html`.

    Raises:
        OutputError: if the output cannot be written.
    """
    first = found.scores[0]
    values, _ = numbered_factors(points.factors())
    scored = values[:, [points.names.index(name) for name in first.factor_names]]
    rows = [Row(found.path.name, first.values())]
    if scored.shape[1] > 1:  # a single latent cannot be compared with others
        say("scoring a perfect code of the same factor values, for comparison")
        perfect = CODE_RANGE * (scored / scored.max(axis=0) - 0.5)
        metrics = [metric for metric in first.values() if metric != "dci"]
        best = score_codes(found.path, perfect, points, (first.seed,), metrics).scores
        rows += [Row("perfect code", scores.values()) for scores in best]
    subject = Subject(
        name=found.path.name,
        seeds=found.scores,
        rows=tuple(rows),
        codes=codes,
        factors=scored,
        infomec=found.infomec._asdict() if found.infomec else {},
    )
    return write_page(subject, folder)
