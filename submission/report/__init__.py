"""The report: one page that shows what codes have learnt, for people to look at."""

from submission.report.writer import write_page, write_report

__all__ = ["write_page", "write_report"]
