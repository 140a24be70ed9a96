"""The five metrics on codes, InfoMEC as a check, and the tables and files that show them."""

from submission.scoring.metrics.catalogue import ALL_METRICS
from submission.scoring.results import Scores, Source, scores_from_dict
from submission.scoring.score_codes import score_samples, score_table
from submission.scoring.settings import Settings

__all__ = [
    "ALL_METRICS",
    "Scores",
    "Settings",
    "Source",
    "score_samples",
    "score_table",
    "scores_from_dict",
]
