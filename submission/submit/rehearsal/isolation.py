"""Starts a program without network, without root's powers and within a memory limit."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from submission.errors import MissingFileError

__all__ = ["Isolation", "make_read_only", "plan_isolation"]

NO_POWERS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
NO_NETWORK = ("unshare", "--net", "--")
NO_NETWORK_AS_USER = ("unshare", "--user", "--map-current-user", "--net", "--")


@dataclass(frozen=True)
class Isolation:
    """The commands that start a program in isolation.

    Attributes:
        prefix: the words before the program.
        network: whether the program still has the network.
        powers: whether the program may still write read-only files, as root may.
    """

    prefix: tuple[str, ...]
    network: bool
    powers: bool

    def command(self, variables: Mapping[str, str], *words: str) -> list[str]:
        """Makes the whole command, for a program that sees these variables and no others."""
        pairs = [f"{name}={value}" for name, value in variables.items()]
        return [*self.prefix, "env", "-i", *pairs, *words]


def plan_isolation(memory: int) -> Isolation:
    """Finds how far this machine can isolate a program.

    Args:
        memory: bytes of private memory that the program may have (RLIMIT_DATA); 0 for no limit.

    Raises:
        MissingFileError: if there is a memory limit, but no `prlimit` to set it.
    """
    network = next((p for p in (NO_NETWORK, NO_NETWORK_AS_USER) if _works(p)), ())
    is_root = os.geteuid() == 0
    powers = NO_POWERS if is_root and _works(NO_POWERS) else ()
    limit: tuple[str, ...] = ()
    if memory:
        limit = ("prlimit", f"--data={memory}", "--")
        if not _works(limit):
            raise MissingFileError(
                "expected prlimit, which sets the limit of --memory, got none; install util-linux "
                "or leave --memory out"
            )
    return Isolation(
        prefix=(*network, *powers, *limit), network=not network, powers=is_root and not powers
    )


def _works(prefix: tuple[str, ...]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    done = subprocess.run([*prefix, "true"], capture_output=True, check=False)  # noqa: S603
    return done.returncode == 0


def make_read_only(folder: Path) -> None:
    """Makes a folder and everything in it read-only."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
