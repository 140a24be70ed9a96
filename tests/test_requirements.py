"""requirements.lock is what requirements.txt needs, no package more and none less."""

from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
BUILD_TOOLS = frozenset({"setuptools", "wheel"})
"""Asked for by packages that import neither at run time."""


def asked_for() -> list[Requirement]:
    text = (ROOT / "requirements.txt").read_text()
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def locked() -> dict[str, str]:
    pairs = (line.split("==") for line in (ROOT / "requirements.lock").read_text().split())
    return {canonicalize_name(name): version for name, version in pairs}


def needs_of(requirement: Requirement) -> Iterator[Requirement]:
    for text in distribution(requirement.name).requires or ():
        need = Requirement(text)
        extras = requirement.extras or {""}
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras):
            yield need


def test_the_lock_is_the_closure_of_the_requirements() -> None:
    lock, reached, todo = locked(), set(), asked_for()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in reached or name in BUILD_TOOLS:
            continue
        reached.add(key)
        assert name in lock, f"{name} is needed and not locked"
        assert requirement.specifier.contains(lock[name], prereleases=True), requirement
        todo += needs_of(requirement)
    assert {name for name, _ in reached} == lock.keys()
