"""The outcome of a check of a submission."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Verdict", "judge", "table"]


@dataclass(frozen=True)
class Verdict:
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


def judge(check: str, wrong: Sequence[str], detail: str, fix: str) -> Verdict:
    """Makes the verdict of a check from its faults.

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
        return Verdict(check, detail)
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return Verdict(check, "; ".join(wrong[:3]) + more, fix)


def table(verdicts: Sequence[Verdict]) -> str:
    """Formats verdicts as text, with the fix below each failed one.

    Example:
        >>> lock = Verdict("lock", "12 packages")
        >>> sizes = Verdict("sizes", "a.npz has 90 MiB", fix="remove it")
        >>> print(table([lock, sizes]))
        passed  lock   12 packages
        FAILED  sizes  a.npz has 90 MiB
                       fix: remove it
    """
    width = max(len(verdict.check) for verdict in verdicts)
    lines = []
    for verdict in verdicts:
        word = "passed" if verdict.passed else "FAILED"
        lines.append(f"{word}  {verdict.check:<{width}}  {verdict.detail}")
        if verdict.fix:
            lines.append(f"{'':<{width + 8}}  fix: {verdict.fix}")
    return "\n".join(lines)
