"""Checks that the lock holds the packages of the requirements."""

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from submission.submit.preflight.verdict import Verdict, judge
from submission.submit.repository import Repository, listed

__all__ = ["check_lock"]


def check_lock(repository: Repository) -> Verdict:
    """Checks the commit's `requirements.lock` against its `requirements.txt`."""
    locked: dict[str, str] = {}
    wrong: list[str] = []
    for text in listed(repository.read("requirements.lock") or ""):
        name, _, version = text.partition("==")
        if not version:
            wrong.append(f"requirements.lock has {text!r}, expected NAME==VERSION")
        locked[canonicalize_name(name)] = version
    if not locked:
        wrong.append("requirements.lock is missing or empty")
    for text in listed(repository.read("requirements.txt") or ""):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            wrong.append(f"requirements.txt has {text!r}, which names no package")
            continue
        found = locked.get(canonicalize_name(requirement.name))
        if found is None:
            wrong.append(f"{requirement.name} is not in requirements.lock")
        elif not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"requirements.txt has {requirement}, but {found} is locked")
    return judge(
        "lock",
        wrong,
        f"{len(locked)} packages, every requirement met",
        "python3.11 -m venv fresh && fresh/bin/pip install -r requirements.txt && "
        "fresh/bin/pip freeze > requirements.lock, then run ./test.sh and commit the lock",
    )
