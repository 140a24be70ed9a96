"""The report: one page that shows what a representation has learnt, for people to look at."""

from submission.report.writer import write_report

__all__ = ["write_report"]
