"""The plan adds up, picks what fits, and holds under a real limit."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from submission.job.memory import (
    PROCESS_BYTES,
    MemoryLimit,
    plan_batches,
    plan_memory,
    read_memory_limits,
)
from submission.server.memory_limits import Kind

MIB = 1 << 20
FULL = 1_036_800
FREE = {"resident": 0, "data": 0, "address": 0}


def unlimited(_: int) -> tuple[int, int]:
    return resource.RLIM_INFINITY, resource.RLIM_INFINITY


def test_the_full_set_takes_the_known_bytes() -> None:
    plan = plan_memory(FULL, [MemoryLimit(16 << 30, "test")])
    assert plan.feature_type == "float32"
    assert dict(plan.parts)["features (1,036,800 x 512 float32)"] == 2_123_366_400
    narrow = plan_memory(FULL, [MemoryLimit(2 << 30, "test")])
    assert narrow.feature_type == "float16"
    assert dict(narrow.parts)["features (1,036,800 x 512 float16)"] == 1_061_683_200


@settings(deadline=None, derandomize=True, database=None)
@given(st.integers(1, 10**6), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**10))
def test_the_wider_type_is_taken_exactly_when_it_fits(
    num_images: int, model: int, batch: int, limit: int
) -> None:
    def plan() -> str:
        return plan_memory(
            num_images,
            [MemoryLimit(limit, "test")],
            model_bytes=model,
            batch_bytes=batch,
            process_bytes=FREE,  # type: ignore[arg-type]
        ).feature_type

    wide, narrow = (num_images * 512 * size + model + batch for size in (4, 2))
    if wide <= limit:
        assert plan() == "float32"
    elif narrow <= limit:
        assert plan() == "float16"
    else:
        with pytest.raises(ValueError, match=r"not enough memory: .* = .* MiB, but test allows"):
            plan()


def test_an_earlier_stage_counts_as_far_as_features_and_batches_do_not_take_its_memory() -> None:
    def planned(earlier: int, kind: Kind) -> int:
        limit = MemoryLimit(1 << 40, "test", kind)
        plan = plan_memory(
            1000,
            [limit],
            batch_bytes=500,
            earlier_bytes=earlier,
            process_bytes=FREE,  # type: ignore[arg-type]
        )
        return plan.num_bytes

    later = 1000 * 512 * 4 + 500
    assert planned(later, "resident") == later
    assert planned(later + 7, "resident") == later + 7
    assert planned(7, "address") == later + 7


def test_the_text_has_every_part_the_sum_and_the_limit() -> None:
    plan = plan_memory(1000, [MemoryLimit(4096 * MIB, "test")], model_bytes=5 * MIB)
    text = str(plan)
    assert text.count("\n") == 6
    assert "limit (test)                          4,096 MiB" in text
    assert f"{-(-plan.num_bytes // MIB):,} MiB" in text
    assert plan.num_bytes == sum(size for _, size in plan.parts)


def test_the_limit_with_the_least_room_decides() -> None:
    limits = [
        MemoryLimit(8 << 30, "machine"),
        MemoryLimit(6 << 30, "mappings", "address"),
        MemoryLimit(7 << 30, "data", "data"),
    ]
    assert plan_memory(1000, limits).limit.source == "mappings"
    with pytest.raises(
        ValueError, match=r"mapped images 12,150 MiB = .* mappings allows 6,144 MiB"
    ):
        plan_memory(1000, limits, mapped_bytes=FULL * 64 * 64 * 3)


@pytest.mark.parametrize("wanted", ["float32", "float16"])
def test_a_type_that_is_insisted_on_is_kept_or_refused(wanted: str) -> None:
    assert (
        plan_memory(9, [MemoryLimit(9 << 30, "test")], feature_type=wanted).feature_type == wanted
    )
    with pytest.raises(ValueError, match=wanted):
        plan_memory(FULL, [MemoryLimit(MIB, "test")], feature_type=wanted)


@settings(deadline=None, derandomize=True, database=None)
@given(st.integers(1, 10**6), st.integers(1, 10**10))
def test_the_largest_batch_is_taken_that_costs_no_precision(num_images: int, limit: int) -> None:
    sizes, per_image = (8, 4, 2, 1), 10**7

    def plan() -> tuple[str, int]:
        found, batch_size = plan_batches(
            num_images,
            [MemoryLimit(limit, "test")],
            batch_sizes=sizes,
            bytes_per_image=per_image,
            process_bytes=FREE,
        )
        assert dict(found.parts)["batches"] == batch_size * per_image
        return found.feature_type, batch_size

    for kind, width in (("float32", 4), ("float16", 2)):
        room = limit - num_images * 512 * width
        fitting = [size for size in sizes if size * per_image <= room]
        if fitting:
            assert plan() == (kind, fitting[0])
            return
    with pytest.raises(ValueError, match="not enough memory"):
        plan()


def test_nonsense_is_refused() -> None:
    limits = [MemoryLimit(9 << 30, "test")]
    with pytest.raises(ValueError, match="got 'float64'"):
        plan_memory(9, limits, feature_type="float64")
    with pytest.raises(ValueError, match="N = 0"):
        plan_memory(0, limits)
    with pytest.raises(ValueError, match="got none"):
        plan_memory(9, [])


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
        (55, "the setting memory_limit"),
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
    with pytest.raises(ValueError, match=r"set Extract\.memory_limit"):
        read_memory_limits(cgroup_root=tmp_path, proc=tmp_path, rlimit=unlimited)


def test_a_real_machine_tells_something() -> None:
    assert min(limit.num_bytes for limit in read_memory_limits()) > 0


RUN = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]),) * 2)
from submission.cli import program
from submission.console import say
from submission.data.npz import map_member
from submission.job.memory import plan_memory, read_memory_limits

def main():
    images = map_member(Path(sys.argv[2]))
    plan = plan_memory(int(sys.argv[3]), read_memory_limits(), model_bytes=64 << 20,
                       batch_bytes=128 << 20, mapped_bytes=images.nbytes)
    say(str(plan))
    import torch, torchvision
    from submission.models.vae import VAE
    features = torch.zeros(int(sys.argv[3]), 512, dtype=getattr(torch, plan.feature_type))
    features.fill_(1)
    for start in range(0, len(images), 256):
        batch = torch.from_numpy(images[start:start + 256].copy()).float()
    layer = torch.nn.Linear(512, 1024)
    optimiser = torch.optim.RAdam(layer.parameters())
    layer(features[:256].float()).sum().backward()
    optimiser.step()
    say("done " + plan.feature_type)

sys.exit(program(main))
"""


@pytest.mark.parametrize(
    ("limit", "num_images", "expected"),
    [(1600, 100_000, "done float32"), (1400, 100_000, "done float16"), (700, 100_000, "")],
)
def test_the_plan_holds_under_a_real_limit(
    limit: int, num_images: int, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "images.npz"
    np.savez(path, images=np.zeros((2048, 64, 64, 3), np.uint8))
    command = [sys.executable, "-c", RUN, str(limit * MIB), str(path), str(num_images)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if expected:
        assert done.stdout.rstrip().endswith(expected), done.stderr
        assert done.returncode == 0
        assert "limit (RLIMIT_DATA)" in done.stdout
    else:
        assert done.returncode == 1
        assert done.stderr.startswith("error: not enough memory: process 1,056 MiB + ")
        assert "RLIMIT_DATA allows 700 MiB" in done.stderr
        assert done.stderr.count("\n") == 1


def test_the_measured_process_is_the_order_of_the_planned_one() -> None:
    assert PROCESS_BYTES["resident"] < PROCESS_BYTES["data"] < PROCESS_BYTES["address"]
