"""The project's git repository: commits, tracked files, remotes."""

import subprocess
from pathlib import Path

from submission.errors import InputError, MissingFileError, OutputError

__all__ = ["Repository", "listed"]


def listed(text: str) -> list[str]:
    """Lists the lines of a text file, without comments from # on and without empty ones.

    Example:
        >>> listed("numpy  # for arrays")
        ['numpy']
    """
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


class Repository:
    """A work tree and its git repository.

    Args:
        folder: the top of the work tree.

    Raises:
        MissingFileError: if git is not installed.
        InputError: if the folder is not the top of a work tree, or has no commit.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        top = self.try_git("rev-parse", "--show-toplevel")
        if top is None or Path(top) != folder.resolve():
            raise InputError(
                f"expected {folder} to be the top of a git repository; change to a clone of the "
                "project, or make one with: git init && git add --all && git commit"
            )
        if self.try_git("rev-parse", "--verify", "HEAD") is None:
            raise InputError(
                "expected a commit, got none; make one with: git add --all && git commit"
            )

    def git(self, *words: str) -> str:
        """Runs git and returns what it prints, without the last line's end.

        Raises:
            InputError: if git fails; with git's message.
        """
        done = self._run(*words)
        if done.returncode != 0:
            raise InputError(f"git {words[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.rstrip("\n")

    def try_git(self, *words: str) -> str | None:
        """Runs git and returns what it prints, None if it fails."""
        done = self._run(*words)
        return done.stdout.rstrip("\n") if done.returncode == 0 else None

    def _run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = ["git", "-C", str(self.folder), *words]
        try:
            done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
        except FileNotFoundError as error:
            raise MissingFileError("expected the program git, got none; install it") from error
        # Decoded here, since text mode would hide Windows line ends.
        out, err = (text.decode("utf-8", errors="replace") for text in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(command, done.returncode, out, err)

    @property
    def commit(self) -> str:
        """The current commit, 40 hexadecimal digits."""
        return self.git("rev-parse", "HEAD")

    def changes(self) -> list[str]:
        """Names the files that differ from the commit: changed, staged and untracked ones."""
        lines = self.git("status", "--porcelain", "--untracked-files=all").splitlines()
        return [line[3:] for line in lines]

    def tracked(self) -> dict[Path, tuple[int, bool]]:
        """Lists the commit's files: path from the top, size in bytes, whether it may be run."""
        files = {}
        for line in self.git("ls-tree", "-r", "-z", "--long", "HEAD").split("\0"):
            if line:
                about, name = line.split("\t", 1)
                mode, _, _, size = about.split()
                files[Path(name)] = (0 if size == "-" else int(size), mode == "100755")
        return files

    def history_size(self) -> int:
        """Measures the repository's objects, in bytes as they lie on disk."""
        pairs = (line.split(": ") for line in self.git("count-objects", "-v").splitlines())
        counts = {name: int(value) for name, value in pairs if value.isdigit()}
        return 1024 * (counts["size"] + counts["size-pack"])

    def read(self, path: str) -> str | None:
        """Reads a text file of the commit; None if the commit has no such file."""
        return self.try_git("show", f"HEAD:{path}")

    def export(self, folder: Path) -> None:
        """Writes the commit's files into a new folder.

        Raises:
            OutputError: if they cannot be written, as when the disk is full.
        """
        folder.mkdir()
        archive = folder.with_name(f"{folder.name}.tar")
        self.git("archive", "--format=tar", f"--output={archive}", "HEAD")
        command = ["tar", "-xf", str(archive), "-C", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise OutputError(f"the commit cannot be written to {folder}: {done.stderr.strip()}")
        archive.unlink()
