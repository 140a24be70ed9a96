"""The five metrics on a table of codes, and what people look at afterwards."""

from submission.scoring.score import score_samples, score_table
from submission.scoring.scores import Scores, Source, scores_from_dict
from submission.scoring.settings import ALL_METRICS, Settings
from submission.scoring.table import CodeTable, load_table, save_table, verify_table

__all__ = [
    "ALL_METRICS",
    "CodeTable",
    "Scores",
    "Settings",
    "Source",
    "load_table",
    "save_table",
    "score_samples",
    "score_table",
    "scores_from_dict",
    "verify_table",
]
