"""The five metrics on codes, InfoMEC as a check, and the tables and files that show them."""

from submission.scoring.checks import constant_latents
from submission.scoring.code_table import CodeTable, load_table, save_table, verify_table
from submission.scoring.results import Scores, Source, scores_from_dict
from submission.scoring.score_codes import score_samples, score_table
from submission.scoring.settings import ALL_METRICS, Settings

__all__ = [
    "ALL_METRICS",
    "CodeTable",
    "Scores",
    "Settings",
    "Source",
    "constant_latents",
    "load_table",
    "save_table",
    "score_samples",
    "score_table",
    "scores_from_dict",
    "verify_table",
]
