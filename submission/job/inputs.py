"""What a run is given: images, a frozen extractor, settings, hardware and the memory for it."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from submission.config.configuration import PROJECT, Configuration
from submission.config.settings import AdaptSettings, ExtractSettings, FitSettings
from submission.console import say
from submission.data.images import ImageSet, open_images
from submission.errors import InputError
from submission.job.memory import PROCESS_BYTES, plan_batches, read_memory_limits
from submission.models.extractor import FEATURE_SIZE, Extractor, Heads
from submission.models.frozen import LEARNED, load_frozen
from submission.models.weights import load_heads
from submission.server.environment import Environment, read_launch
from submission.training.checkpoint import decisive, fingerprint
from submission.training.devices import Devices
from submission.training.features.store import FeatureStore
from submission.training.precision import Precision
from submission.training.vae.fit import steps_per_epoch
from submission.training.vae.network import make_vae

__all__ = ["RunInputs", "adaptation_of", "feature_store", "open_inputs"]

IMAGE_BYTES = 4 << 20
"""The most that the extractor's activations take for an image."""

CPU_BATCH_BYTES = 1 << 30
"""What activations may take on a CPU, where larger batches are no faster."""

TRAINED_IMAGE_BYTES = 20 << 20
"""The most that an image's activations and their gradients take while the extractor is tuned."""


@dataclass(frozen=True)
class RunInputs:
    """What a run is given.

    Attributes:
        images: the data set.
        extractor: frozen, in evaluation mode.
        weights_sha256: of the extractor's file.
        heads: the classifiers that were trained with it; None when nothing asks for them.
        adapt: settings of the adaptation.
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
    adapt: AdaptSettings
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


def open_inputs(
    environment: Environment, configuration: Configuration, devices: Devices
) -> RunInputs:
    """Opens the data set and the frozen weights, plans the memory, and says what it finds.

    Raises:
        FileNotFoundError: if data or weights are missing.
        ValueError: if data, weights, settings or memory do not fit.
    """
    adapt, extract, fit = configuration.adapt, configuration.extract, configuration.fit
    images = open_images(environment.dataset_name, environment.data_path)
    grid = " x ".join(map(str, images.space.sizes))
    say(f"data: {images.name}, {images.space.num_points:,} images ({grid}), {images.path}")
    extractor, path, digest = load_frozen(extract.kind, extract.weights, PROJECT)
    say(f"extractor: {extract.kind}, {extractor.architecture}, {path}")
    heads = _heads(adapt, extract, fit, path)
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
            earlier_bytes=_tuning_bytes(extractor, adapt),
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
        raise InputError(
            f"expected Fit.num_images of at most {images.space.num_points}, got {num_trained}"
        )
    steps_per_epoch(num_trained, fit)  # refused now, not after the extraction
    return RunInputs(
        images, extractor, digest, heads, adapt, extract, fit, devices, feature_type, batch_size
    )


def _heads(
    adapt: AdaptSettings, extract: ExtractSettings, fit: FitSettings, weights: Path
) -> Heads | None:
    """Loads what tuning and latents per factor need; refuses features not made for them."""
    if adapt.num_tuning_images and extract.kind != "finetuned":
        raise InputError(
            "expected Extract.kind='finetuned' for Adapt.num_tuning_images="
            f"{adapt.num_tuning_images}, got {extract.kind!r}; set Adapt.num_tuning_images=0"
        )
    if fit.latents != "shared":
        if extract.kind not in LEARNED:
            raise InputError(
                f"expected Extract.kind='finetuned' for Fit.latents={fit.latents!r}, got "
                f"{extract.kind!r}, whose features no head was trained on"
            )
        return load_heads(weights)
    if extract.kind == "unnormalised" and fit.sigmoid:
        raise InputError(
            "expected Fit.sigmoid=False for Extract.kind='unnormalised', whose features exceed 1, "
            "got True"
        )
    return load_heads(weights) if adapt.num_tuning_images else None


def _batch_sizes(devices: Devices, image_bytes: int) -> list[int]:
    """Lists batch sizes that a device computes fast and in little memory, the largest first."""
    room = CPU_BATCH_BYTES
    if devices.device.type == "cuda":
        room = torch.cuda.get_device_properties(devices.device).total_memory // 2
    sizes = [1 << power for power in range(10, -1, -1)]
    return [size for size in sizes if size * image_bytes <= room] or [1]


def adaptation_of(inputs: RunInputs) -> str:
    """Gives a hash of all that the adapted extractor depends on."""
    return fingerprint(
        data=inputs.images.sha256,
        weights=inputs.weights_sha256,
        adapt=decisive(inputs.adapt) if inputs.adapt.num_tuning_images else None,
        num_norm_images=inputs.adapt.num_norm_images,
        device=inputs.device.type,
        precision=inputs.precision.dtype,
        torch=version("torch"),
    )


def feature_store(environment: Environment, inputs: RunInputs) -> FeatureStore | None:
    """Names a folder for the features after all that they depend on; none while grading."""
    if environment.is_grading or not inputs.devices.is_first:
        return None
    identity = fingerprint(
        kind=inputs.extract.kind,
        feature_type=inputs.feature_type,
        batch_size=inputs.batch_size,
        adaptation=adaptation_of(inputs),
    )
    return FeatureStore(environment.output_path / f"features-{identity[:20]}")


def _model_bytes(extractor: Extractor, fit: FitSettings) -> int:
    frozen: int = sum(value.nbytes for value in extractor.state_dict().values())
    with torch.device("meta"):
        vae = make_vae(FEATURE_SIZE, fit)
    trained: int = sum(value.nbytes for value in vae.state_dict().values())
    return 2 * frozen + 6 * trained  # folded copy; gradient, two moments and two temporaries


def _tuning_bytes(extractor: Extractor, adapt: AdaptSettings) -> int:
    """What tuning holds besides the extractor: a copy, gradients, two moments, a temporary."""
    if not adapt.num_tuning_images:
        return 0
    trained: int = sum(value.nbytes for value in extractor.parameters())
    return 5 * trained + adapt.batch_size * TRAINED_IMAGE_BYTES
