"""The memory plan of a run: what it will hold, and the feature type and batch size that fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from submission.errors import InputError
from submission.models.extractor import FEATURE_SIZE
from submission.server.memory_limits import Kind, MemoryLimit
from submission.training.prefetch import NUM_READERS
from submission.training.transfer import NUM_LATE

__all__ = ["PROCESS_BYTES", "MemoryPlan", "RunSizes", "plan_memory"]

MIB = 1 << 20
FEATURE_BYTES = {"float32": 4, "float16": 2}

PINNED_IMAGE_BYTES = 16 << 10
"""An image of 64 x 64 pixels in pinned memory, which is allocated in powers of two."""

PINNED_BATCHES = (NUM_READERS + 1) + (NUM_LATE + 1)
"""Batches that are read ahead for a GPU, and those that it was given."""

# What a training process holds before it has data, measured after importing everything that
# training imports and one optimiser step on the CPU, and rounded up by a quarter: 383 MiB resident
# and unshared, 845 MiB of private mappings, 3545 MiB of address space. The figure of a GPU is an
# estimate of its libraries' workspaces; its context is not in the free memory that is measured.
PROCESS_BYTES: dict[Kind, int] = {
    "resident": 480 * MIB,
    "data": 1056 * MIB,
    "address": 4432 * MIB,
    "device": 512 * MIB,
}


@dataclass(frozen=True)
class RunSizes:
    """The sizes that decide how much memory a run needs.

    Attributes:
        num_images: N.
        num_sampled: features that are copied for the VAE; 0 if it trains on all of them.
        extractor: bytes of the frozen extractor.
        image: bytes of an image's activations while features are extracted.
        adaptation: bytes that the adaptation needs besides the extractor; 0 without one.
        vae: bytes of the VAE, its optimiser and its activations; 0 without a VAE.
        view_sample: bytes of the features that views are estimated from; 0 without views.
        mapped: length of the mapped image file in bytes.
        num_local: processes on this machine.
        on_gpu: whether a GPU computes.
    """

    num_images: int
    num_sampled: int = 0
    extractor: int = 0
    image: int = 0
    adaptation: int = 0
    vae: int = 0
    view_sample: int = 0
    mapped: int = 0
    num_local: int = 1
    on_gpu: bool = False


@dataclass(frozen=True)
class MemoryPlan:
    """What a run will hold at its peak, as bytes by purpose, under the tightest limit.

    Attributes:
        feature_type: "float32" or "float16".
        batch_size: images of a pass of the extraction.
        parts: purpose and bytes.
        limit: the limit with the least room.
    """

    feature_type: str
    batch_size: int
    parts: dict[str, int]
    limit: MemoryLimit

    @property
    def num_bytes(self) -> int:
        """The sum of the parts."""
        return sum(self.parts.values())

    @property
    def spare_bytes(self) -> int:
        """What the limit leaves, negative when the plan does not fit."""
        return self.limit.num_bytes - self.num_bytes

    def __str__(self) -> str:
        limit = f"limit ({self.limit.source})"
        rows = [*self.parts.items(), ("sum", self.num_bytes), (limit, self.limit.num_bytes)]
        lines = [f"  {purpose:<40}{_mebibytes(size):>14}" for purpose, size in rows]
        return "\n".join(["memory plan", *lines])


def plan_memory(
    sizes: RunSizes,
    limits: Sequence[MemoryLimit],
    feature_type: str = "auto",
    batch_sizes: Sequence[int] = (1,),
) -> MemoryPlan:
    """Chooses the widest feature type that fits every limit, then the largest batch that fits.

    Args:
        sizes: of the run.
        limits: at least one, as `read_memory_limits` finds them, and that of the GPU.
        feature_type: "float32" or "float16" to insist on it, "auto" for the wider that fits.
        batch_sizes: images of a pass to choose from, the largest first.

    Raises:
        InputError: if even the narrowest type and the smallest batch do not fit. The message has
            the sum.

    Example:
        >>> plan = plan_memory(RunSizes(num_images=1_036_800), [MemoryLimit(2 << 30, "example")])
        >>> plan.feature_type
        'float16'
    """
    for kind in FEATURE_BYTES if feature_type == "auto" else (feature_type,):
        for batch_size in batch_sizes:
            plans = [
                MemoryPlan(
                    kind, batch_size, _parts_at_peak(sizes, limit.kind, kind, batch_size), limit
                )
                for limit in limits
            ]
            plan = min(plans, key=lambda each: each.spare_bytes)
            if plan.spare_bytes >= 0:
                return plan
    sums = " + ".join(f"{purpose} {_mebibytes(size)}" for purpose, size in plan.parts.items())
    raise InputError(
        f"not enough memory: expected at most {_mebibytes(plan.limit.num_bytes)} "
        f"({plan.limit.source}), got {sums} = {_mebibytes(plan.num_bytes)}; allow more, use a "
        "smaller grid, or lower Extract.batch_size, Adapt.batch_size or Fit.batch_size"
    )


def _parts_at_peak(
    sizes: RunSizes, kind: Kind, feature_type: str, batch_size: int
) -> dict[str, int]:
    """Lists what a run holds in the stage that needs most.

    The next stage uses the memory of a stage again, but not always its addresses.

    Args:
        sizes: of the run.
        kind: what is counted. Limits on resident memory are shared by all processes of the machine.
        feature_type: number format of the features.
        batch_size: images of a pass.

    Returns:
        Bytes by purpose.
    """
    processes = sizes.num_local if kind == "resident" else 1
    always = {"process": processes * PROCESS_BYTES[kind]}
    if kind == "address":
        always["mapped images"] = sizes.mapped
    if kind != "device":
        always["extractor and its folded copy"] = processes * 2 * sizes.extractor
    stages = _stages(sizes, kind, feature_type, processes * batch_size)
    if kind == "address":
        return always | {purpose: size for stage in stages for purpose, size in stage.items()}
    return always | max(stages, key=lambda stage: sum(stage.values()))


def _stages(
    sizes: RunSizes, kind: Kind, feature_type: str, batch_size: int
) -> list[dict[str, int]]:
    """Lists the bytes by purpose of adaptation, extraction and the training of the VAE."""
    row = FEATURE_SIZE * FEATURE_BYTES[feature_type]
    adaptation = {"adaptation": sizes.adaptation}
    extraction = {"batches of images": batch_size * sizes.image}
    vae = {"VAE and its optimiser": sizes.vae}
    if kind == "device":
        copied = {"copy of the features": (sizes.num_sampled or sizes.num_images) * row}
        return [adaptation, {"extractor": sizes.extractor} | extraction, copied | vae]
    matrix = f"features ({sizes.num_images:,} x {FEATURE_SIZE} {feature_type})"
    features = {matrix: sizes.num_images * row}
    copied = {
        "features that the VAE is trained on": sizes.num_sampled * row,
        "features that views are estimated from": sizes.view_sample,
    }
    if sizes.on_gpu:
        pinned = PINNED_BATCHES * batch_size * PINNED_IMAGE_BYTES
        return [features | {"images read ahead": pinned}, features | copied]
    return [adaptation, features | extraction, features | copied | vae]


def _mebibytes(num_bytes: int) -> str:
    """Formats bytes as MiB, rounded up."""
    return f"{-(-num_bytes // MIB):,} MiB"
