"""Finds the limits on this process's memory: a setting, control groups, the system, the machine."""

import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from submission.errors import InputError

__all__ = ["Kind", "MemoryLimit", "read_memory_limits"]

Kind = Literal["resident", "data", "address", "device"]

UNLIMITED = 1 << 60


@dataclass(frozen=True)
class MemoryLimit:
    """A limit on the memory of this process.

    Attributes:
        num_bytes: the limit.
        source: what sets it, for messages.
        kind: what it counts: memory in use ("resident"), private mappings ("data"), all mappings
            with those of files ("address"), or memory of a GPU ("device").
    """

    num_bytes: int
    source: str
    kind: Kind = "resident"


def read_memory_limits(
    setting: int = 0,
    *,
    cgroup_root: Path = Path("/sys/fs/cgroup"),
    proc: Path = Path("/proc"),
    rlimit: Callable[[int], tuple[int, int]] = resource.getrlimit,
) -> tuple[MemoryLimit, ...]:
    """Finds every limit on this process's memory.

    Args:
        setting: bytes that `Extract.memory_limit` allows; 0 for no such limit.
        cgroup_root: where control groups are mounted, version 1 or 2.
        proc: where process information is mounted.
        rlimit: reads a resource limit, soft and hard.

    Returns:
        The limits in force, at least one: the setting, those of the control groups from the
        process's own to the root, RLIMIT_DATA, RLIMIT_AS, and the memory that is free now.

    Raises:
        InputError: if no limit is known.

    Example:
        >>> read_memory_limits(1 << 30)[0].num_bytes
        1073741824
    """
    limits = [MemoryLimit(setting, "the setting Extract.memory_limit")] if setting > 0 else []
    limits += _cgroup_limits(cgroup_root, proc)
    kinds: tuple[tuple[int, str, Kind], ...] = (
        (resource.RLIMIT_DATA, "RLIMIT_DATA", "data"),
        (resource.RLIMIT_AS, "RLIMIT_AS", "address"),
    )
    for number, name, kind in kinds:
        soft, _ = rlimit(number)
        if soft != resource.RLIM_INFINITY and soft < UNLIMITED:
            limits.append(MemoryLimit(soft, name, kind))
    limits += _physical_limit(proc)
    if not limits:
        raise InputError(
            f"expected the size of the memory in {proc}/meminfo, got none; set Extract.memory_limit"
        )
    return tuple(limits)


def _cgroup_limits(root: Path, proc: Path) -> list[MemoryLimit]:
    """Reads the limits of the process's control groups.

    Inside a container, the paths of the groups may not exist. Then the mounted root counts.
    """
    groups = _text_of(proc / "self" / "cgroup").splitlines()
    limits = []
    for line in [*groups, "0::/", "0:memory:/"]:
        if line.count(":") < 2:
            continue
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        base, file = root, "memory.max"
        if controllers:  # version 1
            base, file = root / "memory", "memory.limit_in_bytes"
        folder = base / path.lstrip("/")
        for place in (folder, *folder.parents):
            text = _text_of(place / file).strip()  # a number, or a word such as "max"
            if text.isdigit() and int(text) < UNLIMITED:
                limits.append(MemoryLimit(int(text), f"control group, {file}"))
            if place == base:
                break
    return list(dict.fromkeys(limits))


def _physical_limit(proc: Path) -> list[MemoryLimit]:
    """Reads how much memory is available without swapping."""
    lines = _text_of(proc / "meminfo").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    for field, source in (("MemAvailable", "free memory"), ("MemTotal", "physical memory")):
        words = fields.get(field, "").split()
        if words and words[0].isdigit():
            return [MemoryLimit(int(words[0]) * 1024, source)]
    return []


def _text_of(path: Path) -> str:
    """Reads a file of the system; one that is not there counts as empty."""
    try:
        return path.read_text()
    except OSError:
        return ""
