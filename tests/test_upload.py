"""Submissions pushed to a repository on disk, which stands in for the evaluator's."""

from pathlib import Path

import pytest

from submission.submit.repository import Repository
from submission.submit.upload import upload
from tests.repositories import commit, git, isolate_git, make_project, pretend_rehearsal, write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A rehearsed project whose remote `aicrowd` is a bare repository beside it."""
    isolate_git(monkeypatch)
    repository = make_project(tmp_path / "project")
    git(tmp_path, "init", "--quiet", "--bare", "server.git")
    git(repository.folder, "remote", "add", "aicrowd", str(tmp_path / "server.git"))
    pretend_rehearsal(repository)
    return repository


def server_refs(project: Repository) -> str:
    return git(project.folder.parent / "server.git", "for-each-ref", "--format=%(refname)")


def test_branch_and_annotated_tag_arrive(project: Repository) -> None:
    done = upload(project, "v1.2", "aicrowd")
    server = project.folder.parent / "server.git"
    assert done.tag == "submission-v1.2"
    assert done.commit == project.commit
    assert done.url == str(server)
    assert git(server, "cat-file", "-t", "submission-v1.2") == "tag"
    assert git(server, "rev-parse", "submission-v1.2^{commit}") == project.commit
    assert git(server, "rev-parse", "main") == project.commit


def test_the_prefix_is_not_doubled(project: Repository) -> None:
    assert upload(project, "submission-v1", "aicrowd").tag == "submission-v1"


def test_a_commit_that_fails_preflight_is_not_pushed(project: Repository) -> None:
    commit(project.folder)
    with pytest.raises(ValueError, match=r"preflight(.|\n)*python -m submission rehearse"):
        upload(project, "v1", "aicrowd")
    assert server_refs(project) == ""
    assert git(project.folder, "tag") == ""


def test_a_change_after_the_rehearsal_is_not_pushed(project: Repository) -> None:
    write(project.folder, {"run.sh": "#!/bin/sh\n"})
    with pytest.raises(ValueError, match=r"run\.sh is not committed"):
        upload(project, "v1", "aicrowd")
    assert server_refs(project) == ""


def test_the_same_commit_is_not_submitted_twice(project: Repository) -> None:
    upload(project, "v1", "aicrowd")
    with pytest.raises(ValueError, match="was submitted as submission-v1"):
        upload(project, "v2", "aicrowd")
    commit(project.folder)
    pretend_rehearsal(project)
    with pytest.raises(ValueError, match="exists already"):
        upload(project, "v1", "aicrowd")
    assert upload(project, "v2", "aicrowd").tag == "submission-v2"


def test_a_commit_under_another_tag_is_new(project: Repository) -> None:
    git(project.folder, "tag", "release")
    git(project.folder, "push", "--quiet", "aicrowd", "release")
    assert upload(project, "v1", "aicrowd").tag == "submission-v1"


def test_a_tag_that_only_the_server_has_is_not_taken(project: Repository) -> None:
    upload(project, "v1", "aicrowd")
    git(project.folder, "tag", "--delete", "submission-v1")
    commit(project.folder)
    pretend_rehearsal(project)
    with pytest.raises(ValueError, match="exists already on aicrowd"):
        upload(project, "v1", "aicrowd")


def test_a_refused_push_leaves_nothing_behind(project: Repository) -> None:
    hook = project.folder.parent / "server.git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'only 5 submissions a day' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ValueError, match="refused") as caught:
        upload(project, "v1", "aicrowd")
    assert "only 5 submissions a day" in str(caught.value)
    assert git(project.folder, "tag") == ""
    assert server_refs(project) == ""
    hook.unlink()
    assert upload(project, "v1", "aicrowd").tag == "submission-v1"


def test_a_server_that_has_moved_on_refuses_branch_and_tag(project: Repository) -> None:
    other = project.folder.parent / "other"
    git(project.folder, "push", "--quiet", "aicrowd", "main")
    git(project.folder.parent, "clone", "--quiet", "--branch=main", "server.git", str(other))
    commit(other)
    git(other, "push", "--quiet", "origin", "main")
    write(project.folder, {"mine.txt": "a step of my own"})
    commit(project.folder)
    pretend_rehearsal(project)
    with pytest.raises(ValueError, match="refused"):
        upload(project, "v1", "aicrowd")
    assert server_refs(project) == "refs/heads/main"
    assert git(project.folder, "tag") == ""


def test_an_unknown_remote_is_refused_with_the_way_to_add_it(project: Repository) -> None:
    with pytest.raises(ValueError, match="git remote add gitlab"):
        upload(project, "v1", "gitlab")


def test_a_remote_that_cannot_be_reached_is_told(project: Repository) -> None:
    git(project.folder, "remote", "set-url", "aicrowd", "/nowhere.git")
    with pytest.raises(ValueError, match="nowhere"):
        upload(project, "v1", "aicrowd")


def test_a_detached_commit_is_refused(project: Repository) -> None:
    git(project.folder, "checkout", "--quiet", "--detach")
    with pytest.raises(ValueError, match="git switch --create"):
        upload(project, "v1", "aicrowd")


@pytest.mark.parametrize("name", ["", "v 1", "-v1", "v1..2", "v1/2", "v1.lock"])
def test_a_name_that_is_no_version_is_refused(project: Repository, name: str) -> None:
    with pytest.raises(ValueError, match="version such as"):
        upload(project, name, "aicrowd")


@pytest.mark.parametrize(
    "url",
    ["git@example.org:me/mine.git", "https://example.org/me/mine", "ssh://git@example.org/me/mine"],
)
def test_the_page_to_watch_is_told(url: str) -> None:
    from submission.submit.upload import _page_of

    assert _page_of(url) == "https://example.org/me/mine/issues"
    assert _page_of("/a/folder.git") is None
