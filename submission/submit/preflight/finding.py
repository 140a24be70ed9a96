"""The outcome of a check of a submission."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Finding", "failed", "judge", "passed", "table"]


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: the check's name.
        passed: whether the check passed.
        detail: what the check found.
        fix: what to do; empty when the check passed.
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
    """Makes the finding of a check from its faults.

    Args:
        check: the check's name.
        wrong: the faults; the check passes when there are none.
        detail: what the check found without faults.
        fix: what to do about the faults.
    """
    pieces = list(wrong)
    if not pieces:
        return passed(check, detail)
    more = f" and {len(pieces) - 3} more" if len(pieces) > 3 else ""
    return failed(check, "; ".join(pieces[:3]) + more, fix)


def table(findings: Iterable[Finding]) -> str:
    """Formats findings as text, with the fix below each failed one."""
    findings = list(findings)
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        word = "passed" if finding.passed else "FAILED"
        lines.append(f"{word}  {finding.check:<{width}}  {finding.detail}")
        if finding.fix:
            lines.append(f"{'':<{width + 8}}  fix: {finding.fix}")
    return "\n".join(lines)
