"""Tag and push, against a bare repository on this machine."""

from pathlib import Path

import pytest

from submission.repository import Repository
from submission.upload import upload
from tests.repositories import commit, git, make_submission, note_rehearsal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = make_submission(tmp_path / "project")
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    git(folder, "remote", "add", "aicrowd", str(tmp_path / "remote.git"))
    return folder


def remote_refs(folder: Path) -> str:
    return git(folder, "ls-remote", "aicrowd")


def test_branch_and_annotated_tag_arrive(folder: Path) -> None:
    done = upload(Repository(folder), "v1.0", "aicrowd")
    assert done.tag == "submission-v1.0"
    assert git(folder, "cat-file", "-t", "submission-v1.0") == "tag"
    refs = remote_refs(folder)
    assert f"{done.commit}\trefs/heads/main" in refs
    assert f"{done.commit}\trefs/tags/submission-v1.0^{{}}" in refs


def test_a_commit_is_submitted_once(folder: Path) -> None:
    upload(Repository(folder), "v1.0", "aicrowd")
    with pytest.raises(ValueError, match=r"submitted as submission-v1\.0"):
        upload(Repository(folder), "v1.1", "aicrowd")
    commit(folder, "next")
    note_rehearsal(folder)
    with pytest.raises(ValueError, match=r"submission-v1\.0 exists already"):
        upload(Repository(folder), "v1.0", "aicrowd")
    upload(Repository(folder), "v1.1", "aicrowd")
    assert "submission-v1.1" in remote_refs(folder)


def test_a_commit_that_fails_preflight_is_not_pushed(folder: Path) -> None:
    commit(folder, "not rehearsed")
    with pytest.raises(ValueError, match="passes preflight"):
        upload(Repository(folder), "v1.0", "aicrowd")
    assert remote_refs(folder) == ""
    assert git(folder, "tag") == ""


def test_a_refused_push_leaves_no_tag(folder: Path, tmp_path: Path) -> None:
    hook = tmp_path / "remote.git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho quota exceeded >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ValueError, match="refused the push") as caught:
        upload(Repository(folder), "v1.0", "aicrowd")
    assert "quota exceeded" in str(caught.value)
    assert git(folder, "tag") == ""
    assert remote_refs(folder) == ""


def test_a_missing_remote_says_how_to_add_it(folder: Path) -> None:
    with pytest.raises(ValueError, match="git remote add other"):
        upload(Repository(folder), "v1.0", "other")


@pytest.mark.parametrize("name", ["", "a b", "../x", "v1..2", "-x"])
def test_an_impossible_version_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="expected a version"):
        upload(Repository(folder), name, "aicrowd")


def test_a_detached_commit_is_refused(folder: Path) -> None:
    git(folder, "checkout", "--quiet", "--detach")
    with pytest.raises(ValueError, match="expected a branch"):
        upload(Repository(folder), "v1.0", "aicrowd")
