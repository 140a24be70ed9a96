"""What a run is given: images, a frozen extractor, settings, hardware and the memory for it."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from submission.configuration import PROJECT
from submission.console import progress_bar, say
from submission.data.images import ImageSet, open_images
from submission.environment import Environment, read_launch
from submission.memory import PROCESS_BYTES, plan_batches, read_memory_limits
from submission.models.extractor import FEATURE_SIZE, Extractor, Heads
from submission.models.frozen import LEARNED, load_frozen
from submission.models.weights import load_heads
from submission.settings import ExtractSettings, FitSettings
from submission.training.adaptation import norm_statistics, reestimate_norms
from submission.training.checkpoint import fingerprint
from submission.training.devices import Devices
from submission.training.feature_store import FeatureStore
from submission.training.fit import steps_per_epoch
from submission.training.network import make_vae
from submission.training.precision import Precision

__all__ = ["ADAPTATION_BATCH", "RunInputs", "adapt", "feature_store", "open_inputs"]

IMAGE_BYTES = 4 << 20
"""The most that the extractor's activations take for an image."""

CPU_BATCH_BYTES = 1 << 30
"""What activations may take on a CPU, where larger batches are no faster."""

ADAPTATION_BATCH = 256
"""Images of a pass while batch norms are adapted."""


@dataclass(frozen=True)
class RunInputs:
    """What a run is given.

    Attributes:
        images: the data set.
        extractor: frozen, in evaluation mode.
        weights_sha256: of the extractor's file.
        heads: the classifiers that were trained with it; None when every latent sees the whole
            feature.
        extract: settings of the extraction.
        fit: settings of the VAE.
        devices: where to compute.
        feature_type: number format that features are kept in.
        batch_size: images of a pass.
    """

    images: ImageSet
    extractor: Extractor
    weights_sha256: str
    heads: Heads | None
    extract: ExtractSettings
    fit: FitSettings
    devices: Devices
    feature_type: torch.dtype
    batch_size: int

    @property
    def device(self) -> torch.device:
        """Where to compute."""
        return self.devices.device

    @property
    def precision(self) -> Precision:
        """Of the matrix products."""
        return self.devices.precision


def open_inputs(environment: Environment, devices: Devices) -> RunInputs:
    """Opens the data set and the frozen weights, plans the memory, and says what it finds.

    Raises:
        FileNotFoundError: if data or weights are missing.
        ValueError: if data, weights, settings or memory do not fit.
    """
    extract, fit = ExtractSettings(), FitSettings()
    images = open_images(environment.dataset_name, environment.data_path)
    grid = " x ".join(map(str, images.space.sizes))
    say(f"data: {images.name}, {images.space.num_points:,} images ({grid}), {images.path}")
    extractor, path, digest = load_frozen(extract.kind, extract.weights, PROJECT)
    say(f"extractor: {extract.kind}, {extractor.architecture}, {path}")
    heads = _heads(extract, fit, path)
    image_bytes = IMAGE_BYTES * extractor.input_size**2 // 64**2
    sizes = [extract.batch_size] if extract.batch_size else _batch_sizes(devices, image_bytes)
    precision, num_local = devices.precision, read_launch().num_local
    say(f"device: {devices.device}, {precision.dtype} because {precision.reason}")
    if devices.is_first:
        plan, batch_size = plan_batches(
            images.space.num_points,
            read_memory_limits(extract.memory_limit),
            batch_sizes=sizes,
            bytes_per_image=num_local * image_bytes,
            feature_type=extract.feature_type,
            feature_dim=FEATURE_SIZE,
            model_bytes=num_local * _model_bytes(extractor, fit),
            mapped_bytes=images.images.nbytes,
            process_bytes={**PROCESS_BYTES, "resident": num_local * PROCESS_BYTES["resident"]},
        )
        say(f"{plan}\nbatches of {batch_size} images")
        choice = getattr(torch, plan.feature_type), batch_size
    else:
        choice = torch.float32, 0
    feature_type, batch_size = devices.fabric.broadcast(choice)
    num_trained = fit.num_images or images.space.num_points
    if num_trained > images.space.num_points:
        raise ValueError(
            f"expected Fit.num_images of at most {images.space.num_points}, got {num_trained}"
        )
    steps_per_epoch(num_trained, fit)  # refused now, not after the extraction
    return RunInputs(
        images, extractor, digest, heads, extract, fit, devices, feature_type, batch_size
    )


def _heads(extract: ExtractSettings, fit: FitSettings, weights: Path) -> Heads | None:
    """Loads what latents per factor see; refuses features that the VAE is not made for."""
    if fit.latents != "shared":
        if extract.kind not in LEARNED:
            raise ValueError(
                f"expected Extract.kind='finetuned' for Fit.latents={fit.latents!r}, got "
                f"{extract.kind!r}, whose features no head was trained on"
            )
        return load_heads(weights)
    if extract.kind == "unnormalised" and fit.sigmoid:
        raise ValueError(
            "expected Fit.sigmoid=False for Extract.kind='unnormalised', whose features exceed 1, "
            "got True"
        )
    return None


def adapt(inputs: RunInputs, store: FeatureStore | None) -> None:
    """Adapts the extractor's batch norms, the same way in every process.

    Args:
        inputs: with the extractor, which is changed.
        store: where they are found if an earlier run was here, and kept.
    """
    statistics = norm_statistics(inputs.extractor)
    adapted = parameters_to_vector(statistics)
    if store is not None and store.read("norms", adapted):
        vector_to_parameters(adapted, statistics)
        # As estimating them leaves it, so that the exported file has the same bytes.
        inputs.extractor.to(memory_format=torch.channels_last)
        say("batch norms: adapted in an earlier run")
        return
    count = min(inputs.extract.adaptation_images, inputs.images.space.num_points)
    batch_size = min(ADAPTATION_BATCH, count)
    with progress_bar(count // batch_size * batch_size, "adaptation", " images") as bar:
        reestimate_norms(
            inputs.extractor,
            inputs.images.images,
            count,
            batch_size,
            seed=0,
            device=inputs.device,
            dtype=inputs.precision.dtype,
            advance=bar.update,
        )
    if store is not None:
        store.write("norms", parameters_to_vector(norm_statistics(inputs.extractor)))


def _batch_sizes(devices: Devices, image_bytes: int) -> list[int]:
    """Lists batch sizes that a device computes fast and in little memory, the largest first."""
    room = CPU_BATCH_BYTES
    if devices.device.type == "cuda":
        room = torch.cuda.get_device_properties(devices.device).total_memory // 2
    sizes = [1 << power for power in range(10, -1, -1)]
    return [size for size in sizes if size * image_bytes <= room] or [1]


def feature_store(environment: Environment, inputs: RunInputs) -> FeatureStore | None:
    """Names a folder for the features after all that they depend on; none while grading."""
    if environment.is_grading or not inputs.devices.is_first:
        return None
    identity = fingerprint(
        data=inputs.images.sha256,
        weights=inputs.weights_sha256,
        adaptation_images=inputs.extract.adaptation_images,
        kind=inputs.extract.kind,
        device=inputs.device.type,
        precision=inputs.precision.dtype,
        feature_type=inputs.feature_type,
        batch_size=inputs.batch_size,
        torch=version("torch"),
    )
    return FeatureStore(environment.output_path / f"features-{identity[:20]}")


def _model_bytes(extractor: Extractor, fit: FitSettings) -> int:
    frozen: int = sum(value.nbytes for value in extractor.state_dict().values())
    with torch.device("meta"):
        vae = make_vae(FEATURE_SIZE, fit)
    trained: int = sum(value.nbytes for value in vae.state_dict().values())
    return 2 * frozen + 6 * trained  # folded copy; gradient, two moments and two temporaries
