"""The rows of the table of scores: what may be compared with each other, and on which scale."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from submission.scoring.results import Source
from submission.scoring.text_tables import OTHER_IMAGES, Row

__all__ = ["ScoreGroup", "score_groups"]

PUBLISHED = "mpi3d_real"
"""The data set of the published rows. Their names end with it."""

PERFECT = "perfect code"


@dataclass(frozen=True)
class ScoreGroup:
    """Rows of scores on the same images.

    Attributes:
        rows: the rows.
        scales: for each metric, the score at which a bar is full: 1, but for SAP the best score of
            the rows, because a perfect code does not reach 1 either.
        marks: for each metric, the score of the perfect code on these images, if it is known.
    """

    rows: tuple[Row, ...]
    scales: dict[str, float]
    marks: dict[str, float]


def score_groups(
    rows: Sequence[Row], source: Source | None, *, is_rendered: bool
) -> list[ScoreGroup]:
    """Sets published scores apart, unless the scored images are those of `PUBLISHED`.

    Rows that are set apart get the note `OTHER_IMAGES`.

    Args:
        rows: of the table, the subject's first.
        source: of the subject's codes.
        is_rendered: whether the images are a stand-in's, whatever the data set is called.

    Returns:
        One or two groups, the subject's first.

    Example:
        >>> rows = [Row("mine", {"sap": 0.2}), Row("paper, on mpi3d_real", {"sap": 0.3})]
        >>> groups = score_groups(rows, None, is_rendered=False)
        >>> [[row.name for row in group.rows] for group in groups]
        [['mine'], ['paper, on mpi3d_real']]
    """
    published = [row for row in rows if row.name.endswith(f", on {PUBLISHED}")]
    if source is not None and source.data_name == PUBLISHED and not is_rendered:
        published = []
    here = [row for row in rows if row not in published]
    apart = [replace(row, note=OTHER_IMAGES) for row in published]
    return [_group(part) for part in (here, apart) if part]


def _group(rows: Sequence[Row]) -> ScoreGroup:
    metrics = {metric for row in rows for metric in row.means}
    best = max((row.means["sap"] for row in rows if "sap" in row.means), default=0.0)
    marks = next((row.means for row in rows if row.name == PERFECT), {})
    scales = {metric: best if metric == "sap" and best > 0 else 1.0 for metric in metrics}
    return ScoreGroup(tuple(rows), scales, dict(marks))
