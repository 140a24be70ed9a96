"""The outcome of a check of a submission."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Finding", "judge", "table"]


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: the check's name.
        detail: what the check found.
        fix: what to do; empty when the check passed.
    """

    check: str
    detail: str
    fix: str = ""

    @property
    def passed(self) -> bool:
        """Whether the check passed."""
        return not self.fix


def judge(check: str, wrong: Sequence[str], detail: str, fix: str) -> Finding:
    """Makes the finding of a check from its faults.

    Args:
        check: the check's name.
        wrong: the faults; the check passes when there are none.
        detail: what the check found without faults.
        fix: what to do about the faults.

    Example:
        >>> judge("sizes", ["a.npz has 90 MiB"], "all small", fix="git rm --cached a.npz").detail
        'a.npz has 90 MiB'
        >>> judge("sizes", [], "all small", fix="").passed
        True
    """
    if not wrong:
        return Finding(check, detail)
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return Finding(check, "; ".join(wrong[:3]) + more, fix)


def table(findings: Sequence[Finding]) -> str:
    """Formats findings as text, with the fix below each failed one.

    Example:
        >>> lock = Finding("lock", "12 packages")
        >>> sizes = Finding("sizes", "a.npz has 90 MiB", fix="remove it")
        >>> print(table([lock, sizes]))
        passed  lock   12 packages
        FAILED  sizes  a.npz has 90 MiB
                       fix: remove it
    """
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        word = "passed" if finding.passed else "FAILED"
        lines.append(f"{word}  {finding.check:<{width}}  {finding.detail}")
        if finding.fix:
            lines.append(f"{'':<{width + 8}}  fix: {finding.fix}")
    return "\n".join(lines)
