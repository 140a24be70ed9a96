"""Control groups, resource limits, a setting and the machine say how much memory there is."""

import resource
from pathlib import Path

import pytest

from submission.errors import InputError
from submission.server.memory_limits import read_memory_limits


def unlimited(_: int) -> tuple[int, int]:
    return resource.RLIM_INFINITY, resource.RLIM_INFINITY


def machine(place: Path, groups: str, meminfo: str = "MemAvailable:  2048 kB\n") -> Path:
    (place / "proc" / "self").mkdir(parents=True)
    (place / "proc" / "self" / "cgroup").write_text(groups)
    (place / "proc" / "meminfo").write_text(meminfo)
    return place / "proc"


def limits_of(place: Path, proc: Path, setting: int = 0) -> list[tuple[int, str]]:
    found = read_memory_limits(setting, cgroup_root=place / "cg", proc=proc, rlimit=unlimited)
    return [(limit.num_bytes, limit.source) for limit in found]


def test_version_2_groups_are_read_up_to_the_root(tmp_path: Path) -> None:
    leaf = tmp_path / "cg" / "outer" / "inner"
    leaf.mkdir(parents=True)
    (leaf / "memory.max").write_text("max\n")
    (leaf.parent / "memory.max").write_text("123456\n")
    proc = machine(tmp_path, "0::/outer/inner\n")
    assert limits_of(tmp_path, proc) == [
        (123456, "control group, memory.max"),
        (2048 * 1024, "free memory"),
    ]


def test_version_1_groups_are_read(tmp_path: Path) -> None:
    leaf = tmp_path / "cg" / "memory" / "box"
    leaf.mkdir(parents=True)
    (leaf / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    (leaf.parent / "memory.limit_in_bytes").write_text("654321\n")
    proc = machine(tmp_path, "5:devices:/box\n4:cpu,memory:/box\n")
    assert limits_of(tmp_path, proc)[0] == (654321, "control group, memory.limit_in_bytes")


@pytest.mark.parametrize(
    ("groups", "file"),
    [
        ("0::/../../elsewhere\n", "memory.max"),
        ("7:memory:/host/x\n", "memory/memory.limit_in_bytes"),
    ],
)
def test_inside_a_container_the_mounted_root_counts(groups: str, file: str, tmp_path: Path) -> None:
    (tmp_path / "cg" / file).parent.mkdir(parents=True)
    (tmp_path / "cg" / file).write_text("77777\n")
    assert limits_of(tmp_path, machine(tmp_path, groups))[0][0] == 77777


def test_the_setting_and_the_machine_count(tmp_path: Path) -> None:
    proc = machine(tmp_path, "", "MemTotal: 9 kB\nMemAvailable: 4 kB\n")
    assert limits_of(tmp_path, proc, setting=55) == [
        (55, "the setting Extract.memory_limit"),
        (4096, "free memory"),
    ]
    old = machine(tmp_path / "old", "", "MemTotal: 9 kB\n")
    assert limits_of(tmp_path, old) == [(9 * 1024, "physical memory")]


def test_resource_limits_count_in_their_own_way(tmp_path: Path) -> None:
    def rlimit(number: int) -> tuple[int, int]:
        soft = {resource.RLIMIT_DATA: 111, resource.RLIMIT_AS: 222}[number]
        return soft, resource.RLIM_INFINITY

    found = read_memory_limits(cgroup_root=tmp_path, proc=tmp_path, rlimit=rlimit)
    assert [(limit.num_bytes, limit.kind) for limit in found] == [(111, "data"), (222, "address")]


def test_a_machine_that_tells_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Extract\.memory_limit"):
        read_memory_limits(cgroup_root=tmp_path, proc=tmp_path, rlimit=unlimited)


def test_a_real_machine_tells_something() -> None:
    assert min(limit.num_bytes for limit in read_memory_limits()) > 0
