"""What a check of a submission finds."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Finding", "failed", "judge", "passed", "table"]


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: what was checked, a few words.
        passed: whether it is as it should be.
        detail: what was found.
        fix: what to do about it; empty when it passed.
    """

    check: str
    passed: bool
    detail: str
    fix: str = ""


def passed(check: str, detail: str) -> Finding:
    """Makes the finding of a check that passed."""
    return Finding(check, passed=True, detail=detail)


def failed(check: str, detail: str, fix: str) -> Finding:
    """Makes the finding of a check that failed."""
    return Finding(check, passed=False, detail=detail, fix=fix)


def judge(check: str, wrong: Iterable[str], detail: str, fix: str) -> Finding:
    """Makes the finding of a check that passes when nothing is wrong.

    Args:
        check: what was checked.
        wrong: what is wrong, in any number of pieces.
        detail: what was found when nothing is wrong.
        fix: what to do when something is.
    """
    pieces = list(wrong)
    if not pieces:
        return passed(check, detail)
    more = f" and {len(pieces) - 3} more" if len(pieces) > 3 else ""
    return failed(check, "; ".join(pieces[:3]) + more, fix)


def table(findings: Iterable[Finding]) -> str:
    """Lays findings out as text, the fix below each that failed."""
    findings = list(findings)
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        word = "passed" if finding.passed else "FAILED"
        lines.append(f"{word}  {finding.check:<{width}}  {finding.detail}")
        if finding.fix:
            lines.append(f"{'':<{width + 8}}  fix: {finding.fix}")
    return "\n".join(lines)
