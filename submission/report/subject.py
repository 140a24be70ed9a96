"""What a report is about: scored codes, and what is known of the model and images behind them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from submission.data.image_set import ImageSet
from submission.scoring.arrays import FloatArray, IntArray
from submission.scoring.results import Scores
from submission.scoring.text_tables import Row

__all__ = ["Curve", "Subject"]


Curve = tuple[list[int], list[float]]
"""Steps and values."""


@dataclass(frozen=True, eq=False)
class Subject:
    """Scored codes. What is not known is empty or None, and the report leaves it out.

    Attributes:
        name: of the experiment, or of the file of codes.
        seeds: scores with one or more evaluation seeds; the first are shown in detail.
        rows: of the table of scores, the subject's first.
        codes: (n, C).
        factors: (n, F) values of the factors that were scored.
        infomec: InfoMEC's three numbers by name.
        images: the data set, whose image i has code i.
        is_rendered: whether the images are a stand-in's, whatever the data set is called.
        training: what the run that made the codes noted of itself.
        curves: of that training, by name.
        configuration: the settings as gin text.
        seconds: how long each stage of the evaluation took.
    """

    name: str
    seeds: tuple[Scores, ...]
    rows: tuple[Row, ...]
    codes: FloatArray | None
    factors: IntArray | None
    infomec: Mapping[str, float] = field(default_factory=dict)
    images: ImageSet | None = None
    is_rendered: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    configuration: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def scores(self) -> Scores:
        """The scores that are shown in detail."""
        return self.seeds[0]
