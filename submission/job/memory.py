"""The memory plan: what a run will hold, what it may hold, and the feature type that fits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from submission.errors import InputError
from submission.server.memory_limits import Kind, MemoryLimit, read_memory_limits

__all__ = [
    "PROCESS_BYTES",
    "MemoryLimit",
    "MemoryPlan",
    "plan_batches",
    "plan_memory",
    "read_memory_limits",
]

MIB = 1 << 20
FEATURE_BYTES = {"float32": 4, "float16": 2}
FEATURE_DIM = 512

# What a training process holds before it has data, measured after importing everything that
# training imports and one optimiser step on the CPU, and rounded up by a quarter: 383 MiB resident
# and unshared, 845 MiB of private mappings, 3545 MiB of address space.
PROCESS_BYTES: dict[Kind, int] = {"resident": 480 * MIB, "data": 1056 * MIB, "address": 4432 * MIB}


@dataclass(frozen=True)
class MemoryPlan:
    """What a run will hold, as bytes by purpose, under the tightest limit.

    Attributes:
        feature_type: "float32" or "float16".
        parts: purpose and bytes, in the order they come up.
        limit: the limit with the least room.
    """

    feature_type: str
    parts: tuple[tuple[str, int], ...]
    limit: MemoryLimit

    @property
    def num_bytes(self) -> int:
        """The sum of the parts."""
        return sum(num_bytes for _, num_bytes in self.parts)

    @property
    def spare_bytes(self) -> int:
        """What the limit leaves, negative when the plan does not fit."""
        return self.limit.num_bytes - self.num_bytes

    def __str__(self) -> str:
        lines = [f"{purpose:<34}{_mebibytes(num_bytes)}" for purpose, num_bytes in self.parts]
        lines.append(f"{'sum':<34}{_mebibytes(self.num_bytes)}")
        lines.append(f"{'limit (' + self.limit.source + ')':<34}{_mebibytes(self.limit.num_bytes)}")
        return "\n".join(["memory plan", *(f"  {line}" for line in lines)])


def plan_memory(
    num_images: int,
    limits: Iterable[MemoryLimit],
    *,
    feature_type: str = "auto",
    feature_dim: int = FEATURE_DIM,
    model_bytes: int = 0,
    batch_bytes: int = 0,
    earlier_bytes: int = 0,
    mapped_bytes: int = 0,
    process_bytes: dict[Kind, int] | None = None,
) -> MemoryPlan:
    """Adds up what training holds and chooses the widest feature type that fits every limit.

    Args:
        num_images: N.
        limits: at least one, as `read_memory_limits` finds them.
        feature_type: "float32" or "float16" to insist on it, "auto" for the wider that fits.
        feature_dim: features of an image.
        model_bytes: parameters, gradients and optimiser state of what is trained, and the frozen
            extractor.
        batch_bytes: the most that the activations of a batch take.
        earlier_bytes: what a stage takes that ends before there are features; its memory is used
            again, but its addresses need not be.
        mapped_bytes: length of the mapped image file; it counts as address space alone, since its
            pages can be dropped at any time.
        process_bytes: what the process holds anyhow; measured figures when None.

    Raises:
        ValueError: if even the narrowest type asked for does not fit; the message has the sum.
    """
    if feature_type not in ("auto", *FEATURE_BYTES):
        raise InputError(f"expected auto, float32 or float16 features, got {feature_type!r}")
    sizes = (feature_dim, model_bytes, batch_bytes, earlier_bytes, mapped_bytes)
    if num_images < 1 or min(sizes) < 0:
        raise InputError(f"expected at least one image and no negative size, got N = {num_images}")
    fixed = PROCESS_BYTES if process_bytes is None else process_bytes

    def planned(kind: str, limit: MemoryLimit) -> MemoryPlan:
        features = num_images * feature_dim * FEATURE_BYTES[kind]
        parts = [
            ("process", fixed[limit.kind]),
            (f"features ({num_images:,} x {feature_dim} {kind})", features),
            ("models and optimiser", model_bytes),
            ("batches", batch_bytes),
        ]
        reused = 0 if limit.kind == "address" else features + batch_bytes
        if earlier_bytes > reused:
            parts.append(("tuning, beyond features and batches", earlier_bytes - reused))
        if limit.kind == "address":
            parts.append(("mapped images", mapped_bytes))
        return MemoryPlan(kind, tuple(parts), limit)

    limits = tuple(limits)
    if not limits:
        raise InputError("expected at least one memory limit, got none")
    for kind in FEATURE_BYTES if feature_type == "auto" else (feature_type,):
        plan = min((planned(kind, limit) for limit in limits), key=lambda plan: plan.spare_bytes)
        if plan.spare_bytes >= 0:
            return plan
    sums = " + ".join(f"{purpose} {_mebibytes(size).strip()}" for purpose, size in plan.parts)
    raise InputError(
        f"not enough memory: {sums} = {_mebibytes(plan.num_bytes).strip()}, but "
        f"{plan.limit.source} allows {_mebibytes(plan.limit.num_bytes).strip()}; allow more, or "
        "use fewer images or smaller batches"
    )


def plan_batches(
    num_images: int,
    limits: Iterable[MemoryLimit],
    *,
    batch_sizes: Sequence[int],
    bytes_per_image: int,
    feature_type: str = "auto",
    **others: Any,
) -> tuple[MemoryPlan, int]:
    """Plans with the largest batch that leaves the features as wide as the smallest one would.

    Args:
        num_images: N.
        limits: as for `plan_memory`.
        batch_sizes: to choose from, falling.
        bytes_per_image: what the activations of an image take.
        feature_type: as for `plan_memory`.
        others: further arguments of `plan_memory`.

    Returns:
        The plan and the batch size.

    Raises:
        ValueError: if even the smallest batch does not fit.
    """
    limits = tuple(limits)

    def plan(batch_size: int, kind: str) -> MemoryPlan:
        size = batch_size * bytes_per_image
        return plan_memory(num_images, limits, feature_type=kind, batch_bytes=size, **others)

    smallest = plan(batch_sizes[-1], feature_type)
    for batch_size in batch_sizes[:-1]:
        try:
            return plan(batch_size, smallest.feature_type), batch_size
        except ValueError:
            continue
    return smallest, batch_sizes[-1]


def _mebibytes(num_bytes: int) -> str:
    """Formats bytes as MiB, rounded up."""
    return f"{-(-num_bytes // MIB):>9,} MiB"
