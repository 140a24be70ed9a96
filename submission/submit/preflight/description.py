"""Checks `aicrowd.json`, which describes a submission to the server."""

import json
from typing import Any

from submission.submit.preflight.finding import Finding, failed, judge
from submission.submit.repository import Repository

__all__ = ["check_description"]

CHALLENGE = "aicrowd-neurips-2019-disentanglement-challenge"
CHECK = "aicrowd.json"
PLACEHOLDER = "your name here"


def check_description(repository: Repository) -> Finding:
    """Checks the fields of the commit's `aicrowd.json`."""
    text = repository.read("aicrowd.json")
    if text is None:
        return failed(
            CHECK,
            "is not in the commit",
            "write it (README, section on submitting) and commit it",
        )
    try:
        content = json.loads(text)
    except ValueError as error:
        return failed(CHECK, f"is not JSON: {error}", "correct the JSON of aicrowd.json")
    if not isinstance(content, dict):
        return failed(CHECK, "is not a JSON object", "put its fields between { and }")
    return judge(
        CHECK,
        _faults(content),
        f"authors {', '.join(map(str, content.get('authors', [])))}; gpu {content.get('gpu')}",
        "correct these fields of aicrowd.json and commit it",
    )


def _faults(content: dict[str, Any]) -> list[str]:
    faults = [
        f'{name} is {content.get(name)!r}, expected "{CHALLENGE}"'
        for name in ("challenge_id", "grader_id")
        if content.get(name) != CHALLENGE
    ]
    authors = content.get("authors")
    if not isinstance(authors, list) or not authors or not all(map(_is_text, authors)):
        faults.append(f'authors is {authors!r}, expected names such as ["you"]')
    elif PLACEHOLDER in authors:
        faults.append(f"authors is still {PLACEHOLDER!r}, expected your own name")
    faults += [
        f"{name} is {content.get(name)!r}, expected text"
        for name in ("description", "license")
        if not _is_text(content.get(name))
    ]
    if not isinstance(content.get("gpu"), bool):
        faults.append(f"gpu is {content.get('gpu')!r}, expected true or false without quotes")
    return faults


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
