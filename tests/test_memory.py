"""The plan of memory adds up, picks what fits, and holds under a real limit."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from submission.config.configuration import Configuration
from submission.config.settings import AdaptSettings, ExtractSettings, FitSettings
from submission.errors import InputError
from submission.job.memory import PROCESS_BYTES, MemoryPlan, RunSizes, plan_memory
from submission.job.plan import IMAGE_BYTES, fitting_plan, planned_vae
from submission.models.extractor import FeatureExtractor
from submission.models.frozen import FrozenExtractor
from submission.models.heads import Heads
from submission.models.views import views_of_heads
from submission.server.memory_limits import Kind, MemoryLimit
from submission.training.devices import one_device
from submission.training.vae.network import make_vae

MIB = 1 << 20
FULL = 1_036_800


def planned(sizes: RunSizes, limit: int, kind: Kind = "resident") -> MemoryPlan:
    return plan_memory(sizes, [MemoryLimit(limit, "test", kind)])


@pytest.fixture
def free_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a process take no memory of its own, so that sums are easy to compute."""
    for kind in PROCESS_BYTES:
        monkeypatch.setitem(PROCESS_BYTES, kind, 0)


def test_the_full_set_takes_the_known_bytes() -> None:
    plan = planned(RunSizes(FULL), 16 << 30)
    assert plan.feature_type == "float32"
    assert plan.parts["features (1,036,800 x 512 float32)"] == 2_123_366_400
    narrow = planned(RunSizes(FULL), 2 << 30)
    assert narrow.feature_type == "float16"
    assert narrow.parts["features (1,036,800 x 512 float16)"] == 1_061_683_200


@settings(deadline=None, derandomize=True, database=None)
@given(st.integers(1, 10**6), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**10))
def test_the_wider_type_is_taken_exactly_when_it_fits(
    num_images: int, vae: int, extractor: int, limit: int
) -> None:
    sizes = RunSizes(num_images, vae=vae, extractor=extractor)
    wide, narrow = (
        num_images * 512 * size + vae + 2 * extractor + PROCESS_BYTES["resident"] for size in (4, 2)
    )
    if wide <= limit:
        assert planned(sizes, limit).feature_type == "float32"
    elif narrow <= limit:
        assert planned(sizes, limit).feature_type == "float16"
    else:
        with pytest.raises(InputError, match=r"not enough memory.*\(test\).*MiB.*Extract"):
            planned(sizes, limit)


@pytest.mark.usefixtures("free_process")
def test_memory_is_used_again_by_the_next_stage_but_addresses_are_not() -> None:
    features = 1000 * 512 * 4
    for adaptation in (0, features, features + 500, features + 507):
        sizes = RunSizes(1000, image=500, adaptation=adaptation, vae=300, mapped=11)
        peak = max(adaptation, features + 500)
        assert planned(sizes, 1 << 40).num_bytes == peak
        assert planned(sizes, 1 << 40, "data").num_bytes == peak
        total = adaptation + features + 500 + 300 + 11
        assert planned(sizes, 1 << 40, "address").num_bytes == total


def test_the_images_that_batch_norms_are_estimated_from_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enough = [MemoryLimit(1 << 40, "test")]
    monkeypatch.setattr("submission.job.plan.read_memory_limits", lambda setting: enough)
    with torch.device("meta"):
        frozen = FrozenExtractor(FeatureExtractor("vgg11_bn"), None, Path(), "")
    devices = one_device(torch.device("cpu"))

    def adaptation(num_images: int) -> int:
        settings = AdaptSettings(num_norm_images=num_images)
        configuration = Configuration(adapt=settings, extract=ExtractSettings(batch_size=1))
        parts = fitting_plan(1000, frozen, configuration, devices).parts
        return parts.get("adaptation", 0)

    assert adaptation(0) == 0
    assert adaptation(4096) >= 256 * IMAGE_BYTES


@pytest.mark.usefixtures("free_process")
def test_a_gpu_takes_the_activations_and_a_copy_of_the_features_off_the_host() -> None:
    sizes = RunSizes(
        1000, extractor=7, image=10**6, adaptation=10**7, vae=10**8, num_local=1, on_gpu=True
    )
    features, ahead = 1000 * 512 * 4, 8 * (16 << 10)
    assert planned(sizes, 1 << 40).num_bytes == features + ahead + 2 * 7
    assert planned(sizes, 1 << 40, "device").num_bytes == features + 10**8
    large = plan_memory(sizes, [MemoryLimit(1 << 40, "test", "device")], batch_sizes=[1024])
    assert large.num_bytes == 1024 * 10**6 + 7
    sampled = replace(sizes, num_sampled=10)
    assert planned(sampled, 1 << 40).num_bytes == features + ahead + 2 * 7
    assert planned(sampled, 1 << 40, "device").num_bytes == 10 * 512 * 4 + 10**8


@pytest.mark.usefixtures("free_process")
def test_features_that_the_vae_is_trained_on_are_copied_if_they_are_a_part() -> None:
    sizes = RunSizes(1000, num_sampled=900, vae=300, view_sample=50)
    assert planned(sizes, 1 << 40).num_bytes == 1900 * 512 * 4 + 350


def test_the_memory_of_the_gpu_limits_the_batch_and_the_feature_type() -> None:
    sizes = RunSizes(FULL, image=1 << 20, on_gpu=True)
    host = MemoryLimit(1 << 40, "host")

    def plan(num_bytes: int) -> MemoryPlan:
        return plan_memory(
            sizes, [host, MemoryLimit(num_bytes, "GPU", "device")], "auto", [4096, 2048, 8]
        )

    assert (plan(8 << 30).feature_type, plan(8 << 30).batch_size) == ("float32", 4096)
    assert (plan(4 << 30).feature_type, plan(4 << 30).batch_size) == ("float32", 2048)
    assert (plan(2 << 30).feature_type, plan(2 << 30).batch_size) == ("float16", 8)
    with pytest.raises(InputError, match=r"MiB \(GPU\)"):
        plan(1 << 30)


@pytest.mark.usefixtures("free_process")
def test_images_that_are_read_ahead_for_a_gpu_count_on_the_host() -> None:
    """Eight batches: five that four threads have read, and three that the GPU was given."""
    features, batches = 100 * 512 * 4, 8 * 32 * (16 << 10)
    sizes = RunSizes(100, image=500, on_gpu=True)
    enough = [MemoryLimit(1 << 40, "test")]
    assert plan_memory(sizes, enough, batch_sizes=[32]).num_bytes == features + batches
    few_views = replace(sizes, view_sample=batches + 1)
    assert plan_memory(few_views, enough, batch_sizes=[32]).num_bytes == features + batches + 1


def test_processes_of_one_machine_share_its_memory_but_not_their_own_limits() -> None:
    one = RunSizes(1000, extractor=10**6, image=10**8)
    two = replace(one, num_local=2)
    more = PROCESS_BYTES["resident"] + 2 * 10**6 + 10**8
    assert planned(two, 1 << 40).num_bytes == planned(one, 1 << 40).num_bytes + more
    for kind in ("data", "address"):
        assert planned(two, 1 << 40, kind).parts == planned(one, 1 << 40, kind).parts


def test_the_text_has_every_part_the_sum_and_the_limit() -> None:
    plan = planned(RunSizes(1000, extractor=5 * MIB), 4096 * MIB)
    lines = [line.split() for line in str(plan).splitlines()[1:]]
    assert [line[-2:] for line in lines[-2:]] == [
        [f"{-(-plan.num_bytes // MIB):,}", "MiB"],
        ["4,096", "MiB"],
    ]
    assert len(lines) == len(plan.parts) + 2
    assert plan.num_bytes == sum(plan.parts.values())


def test_the_limit_with_the_least_room_decides() -> None:
    limits = [
        MemoryLimit(8 << 30, "machine"),
        MemoryLimit(6 << 30, "mappings", "address"),
        MemoryLimit(7 << 30, "data", "data"),
    ]
    assert plan_memory(RunSizes(1000), limits).limit.source == "mappings"
    with pytest.raises(InputError, match=r"6,144 MiB \(mappings\).*mapped images 12,150 MiB"):
        plan_memory(RunSizes(1000, mapped=FULL * 64 * 64 * 3), limits)


@pytest.mark.parametrize("wanted", ["float32", "float16"])
def test_a_type_that_is_insisted_on_is_kept_or_refused(wanted: str) -> None:
    limits = [MemoryLimit(9 << 30, "test")]
    assert plan_memory(RunSizes(9), limits, wanted).feature_type == wanted
    with pytest.raises(InputError, match=wanted):
        plan_memory(RunSizes(FULL), [MemoryLimit(MIB, "test")], wanted)


@settings(deadline=None, derandomize=True, database=None)
@given(st.integers(1, 10**6), st.integers(1, 10**10))
def test_the_largest_batch_is_taken_that_costs_no_precision(num_images: int, limit: int) -> None:
    batch_sizes, per_image = (8, 4, 2, 1), 10**7

    def plan() -> MemoryPlan:
        sizes = RunSizes(num_images, image=per_image)
        return plan_memory(sizes, [MemoryLimit(limit, "test")], "auto", batch_sizes)

    for kind, width in (("float32", 4), ("float16", 2)):
        room = limit - num_images * 512 * width - PROCESS_BYTES["resident"]
        fitting = [size for size in batch_sizes if size * per_image <= room]
        if fitting:
            found = plan()
            assert (found.feature_type, found.batch_size) == (kind, fitting[0])
            assert found.parts["batches of images"] == fitting[0] * per_image
            return
    with pytest.raises(InputError, match="not enough memory"):
        plan()


HEADS = Heads(("shape", "axis"), (6, 40))
SMALL = FitSettings(num_latents=4, encoder_widths=(32, 16), decoder_widths=(8,))
PER_FACTOR = replace(SMALL, latents="per_factor", num_copies=3)


@pytest.mark.parametrize("fit", [FitSettings(), SMALL, PER_FACTOR])
def test_the_planned_vae_is_the_one_that_is_trained(fit: FitSettings) -> None:
    views = None
    if fit.latents == "per_factor":
        views = views_of_heads(HEADS, torch.rand(200, 512), fit.views)
    expected = make_vae(512, fit, views).state_dict()
    vae = planned_vae(fit, HEADS)
    assert vae is not None
    found = vae.state_dict()
    assert {name: (value.shape, value.dtype) for name, value in found.items()} == {
        name: (value.shape, value.dtype) for name, value in expected.items()
    }
    assert all(value.is_meta for value in found.values())


def test_no_memory_is_planned_for_a_vae_where_there_is_none() -> None:
    assert planned_vae(replace(SMALL, latents="heads"), HEADS) is None


RUN = """
import resource, sys
from pathlib import Path
from submission.cli import program
from submission.console import say
from submission.data.npz import map_member
from submission.job.memory import RunSizes, plan_memory
from submission.server.memory_limits import read_memory_limits

def main():
    resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]),) * 2)
    images = map_member(Path(sys.argv[2]))
    sizes = RunSizes(int(sys.argv[3]), extractor=32 << 20, image=128 << 20, mapped=images.nbytes)
    plan = plan_memory(sizes, read_memory_limits())
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
        assert "process 1,056 MiB" in done.stderr
        assert "700 MiB (RLIMIT_DATA)" in done.stderr
        assert done.stderr.count("\n") == 1
