"""Pushes a commit and its tag; the tag starts an evaluation."""

import re
from dataclasses import dataclass

from submission.errors import InputError
from submission.submit.preflight.checks import check_submission
from submission.submit.repository import Repository

__all__ = ["Upload", "upload"]

PREFIX = "submission-"


@dataclass(frozen=True)
class Upload:
    """What was pushed.

    Attributes:
        tag: the tag's full name.
        commit: the commit that it points to.
        url: the remote's address.
        page: the web page that shows the submission, None when the remote has none.
    """

    tag: str
    commit: str
    url: str
    page: str | None


def upload(repository: Repository, name: str, remote: str) -> Upload:
    """Tags the current commit for evaluation and pushes branch and tag.

    Args:
        repository: the project's.
        name: the version, such as `v1.2`; the tag is then `submission-v1.2`.
        remote: name of the evaluator's git remote.

    Raises:
        InputError: if the commit does not pass its checks or was submitted before, the tag exists,
            there is no branch or no such remote, or the push is refused. After a refused push the
            tag is removed.
    """
    tag = PREFIX + name.removeprefix(PREFIX)
    is_tag = repository.try_git("check-ref-format", f"refs/tags/{tag}") is not None
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or not is_tag:
        raise InputError(f"expected a version such as v1.2, got {name!r}")
    url = repository.try_git("remote", "get-url", remote)
    if url is None:
        raise InputError(
            f"expected a git remote named {remote}, got none; add yours with: "
            f"git remote add {remote} git@gitlab.aicrowd.com:YOU/PROJECT.git"
        )
    branch = repository.try_git("symbolic-ref", "--short", "--quiet", "HEAD")
    if branch is None:
        raise InputError("expected a branch, got a detached commit; git switch --create NAME")
    failures = [verdict for verdict in check_submission(repository) if not verdict.passed]
    if failures:
        raise InputError(
            "expected a commit that passes preflight, got "
            + "; ".join(f"{one.check}: {one.detail} (fix: {one.fix})" for one in failures)
        )
    _check_new(repository, tag, remote)
    commit = repository.commit
    repository.git("tag", "--annotate", tag, f"--message=Submission {name}", commit)
    try:
        repository.git("push", "--atomic", remote, f"refs/heads/{branch}", f"refs/tags/{tag}")
    except InputError as error:
        repository.git("tag", "--delete", tag)
        raise InputError(
            f"{remote} refused the push: {error}; nothing was submitted, the tag is removed again"
        ) from error
    return Upload(tag, commit, url, _page_of(url))


def _check_new(repository: Repository, tag: str, remote: str) -> None:
    """Refuses a tag that exists, and a commit that a tag on the remote has submitted before."""
    if repository.try_git("rev-parse", "--verify", f"refs/tags/{tag}") is not None:
        raise InputError(f"the tag {tag} exists already; choose the next version")
    for line in repository.git("ls-remote", "--tags", remote).splitlines():
        commit, name = line.split("\t")
        old = name.removeprefix("refs/tags/").removesuffix("^{}")
        if old == tag:
            raise InputError(f"the tag {tag} exists already on {remote}; choose the next version")
        if commit == repository.commit and old.startswith(PREFIX):
            raise InputError(
                f"this commit was submitted as {old}; a new tag on it starts no evaluation. "
                "Commit a change, rehearse, and submit again"
            )


def _page_of(url: str) -> str | None:
    """Guesses the web page of a GitLab repository's issues, where the evaluator reports."""
    match = re.fullmatch(r"(?:git@|ssh://git@|https://)([^:/]+)[:/](.+?)(?:\.git)?/?", url)
    return f"https://{match[1]}/{match[2]}/issues" if match else None
