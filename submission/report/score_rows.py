"""The rows of the table of scores: what may be compared with each other, and on which scale."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from submission.data.catalogue import STANDIN_NAMES, VARIANTS
from submission.scoring.results import Scores
from submission.scoring.text_tables import OTHER_IMAGES, Row

__all__ = ["ScoreGroup", "images_of", "score_groups"]

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


def images_of(scores: Scores) -> str:
    """Names the images that were scored, and their grid where the name alone does not say it.

    Example:
        >>> import numpy as np
        >>> from submission.scoring import score_samples
        >>> factors = np.random.default_rng(0).integers(3, size=(1000, 2))
        >>> images_of(score_samples(factors * 1.0, factors, metrics=("irs",)))
        'unknown images, 3 x 3'
    """
    name = scores.source.data_name if scores.source else "unknown images"
    grids = [variant.sizes for variant in VARIANTS if variant.name == name]
    has_one_grid = scores.factor_sizes in grids or not (grids or name in STANDIN_NAMES)
    if scores.source and has_one_grid:
        return name
    return f"{name}, {' x '.join(map(str, scores.factor_sizes))}"


def score_groups(rows: Sequence[Row], images: str, *, is_rendered: bool) -> list[ScoreGroup]:
    """Sets published scores apart, unless the scored images are those of `PUBLISHED`.

    Rows that are set apart get the note `OTHER_IMAGES`.

    Args:
        rows: of the table, the subject's first.
        images: that were scored, as `images_of` names them.
        is_rendered: whether the images are a stand-in's, whatever the data set is called.

    Returns:
        One or two groups, the subject's first.

    Example:
        >>> rows = [Row("mine", {"sap": 0.2}), Row("paper, on mpi3d_real", {"sap": 0.3})]
        >>> groups = score_groups(rows, "grid", is_rendered=False)
        >>> [[row.name for row in group.rows] for group in groups]
        [['mine'], ['paper, on mpi3d_real']]
    """
    published = [row for row in rows if row.name.endswith(f", on {PUBLISHED}")]
    if images == PUBLISHED and not is_rendered:
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
