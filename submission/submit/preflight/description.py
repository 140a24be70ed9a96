"""Checks `aicrowd.json`, which describes a submission to the server."""

import json

from submission.submit.preflight.verdict import Verdict, judge
from submission.submit.repository import Repository

__all__ = ["check_description"]

CHALLENGE = "aicrowd-neurips-2019-disentanglement-challenge"
CHECK = "aicrowd.json"
PLACEHOLDER = "your name here"


def check_description(repository: Repository) -> Verdict:
    """Checks the fields of the commit's `aicrowd.json`."""
    text = repository.read(CHECK)
    if text is None:
        fix = "write it (README, section on submitting) and commit it"
        return Verdict(CHECK, "is not in the commit", fix)
    try:
        content = json.loads(text)
    except ValueError as error:
        return Verdict(CHECK, f"is not JSON: {error}", "correct the JSON of aicrowd.json")
    if not isinstance(content, dict):
        return Verdict(CHECK, "is not a JSON object", "put its fields between { and }")
    authors = content.get("authors")
    is_right = {
        "challenge_id": (content.get("challenge_id") == CHALLENGE, f'"{CHALLENGE}"'),
        "grader_id": (content.get("grader_id") == CHALLENGE, f'"{CHALLENGE}"'),
        "authors": (_are_names(authors), 'your own name, such as ["you"]'),
        "description": (_is_text(content.get("description")), "text"),
        "license": (_is_text(content.get("license")), "text"),
        "gpu": (isinstance(content.get("gpu"), bool), "true or false without quotes"),
    }
    return judge(
        CHECK,
        [
            f"{name} is {content.get(name)!r}, expected {expected}"
            for name, (right, expected) in is_right.items()
            if not right
        ],
        f"authors {authors}; gpu {content.get('gpu')}",
        "correct these fields of aicrowd.json and commit it",
    )


def _are_names(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(map(_is_text, value))
        and PLACEHOLDER not in value
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
