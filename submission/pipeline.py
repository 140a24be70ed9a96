"""The main job: one data set in, an exported representation and what is known of it out."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from submission.configuration import PROJECT, save_configuration
from submission.console import progress_bar, say
from submission.data.images import ImageSet, open_images
from submission.environment import Environment, read_launch
from submission.export import Representation, export
from submission.files import sha256_of, write_json
from submission.memory import PROCESS_BYTES, plan_batches, read_memory_limits
from submission.models.extractor import FEATURE_SIZE, Extractor
from submission.models.folding import fold
from submission.models.frozen import load_frozen
from submission.models.vae import VAE
from submission.scoring.table import CodeTable, save_table
from submission.settings import ExtractSettings, FitSettings
from submission.training.allocator import keep_freed_memory
from submission.training.batches import to_unit_range
from submission.training.checkpoint import fingerprint
from submission.training.devices import Devices, opened_devices
from submission.training.feature_store import FeatureStore
from submission.training.features import extract_features
from submission.training.fit import VAEFit, encode_features, make_vae
from submission.training.interruption import stop_requested
from submission.training.precision import Precision

__all__ = ["Stopwatch", "train_representation"]

IMAGE_BYTES = 4 << 20
"""The most that the extractor's activations take for an image."""

CPU_BATCH_BYTES = 1 << 30
"""What activations may take on a CPU, where larger batches are no faster."""

FEATURES_END, FIT_END = 0.5, 0.98
"""Shares of a run that are done when a stage ends, about those of the paper's run on a CPU."""

Report = Callable[[float], object]


class Stopwatch:
    """Seconds per stage of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    def lap(self, stage: str) -> None:
        """Ends a stage; the next one begins."""
        now = time.monotonic()
        self.seconds[stage] = round(now - self._began, 2)
        self._began = now


@dataclass(frozen=True)
class _Inputs:
    """What a run is given: images, frozen weights, settings and hardware."""

    images: ImageSet
    extractor: Extractor
    weights_sha256: str
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


def train_representation(environment: Environment, report: Report = lambda fraction: None) -> Path:
    """Extracts features, trains the beta-VAE on them and exports the representation.

    Processes that torchrun started share the extraction; the first one does the rest alone. The
    configuration must have been loaded. The folder `training/` receives the configuration (called
    `started.gin` until the model is written), the learning curves, what the run came from and,
    except on the evaluation server, the code of every image.

    Args:
        environment: where to read and write.
        report: told the share of the run that is done, rising from 0 to 1, often.

    Returns:
        The exported file.

    Raises:
        FileNotFoundError: if data or weights are missing.
        ValueError: if data, weights, settings or memory do not fit.
        OSError: if the output cannot be written.
    """
    with opened_devices(cuda=environment.cuda, backend="gloo") as devices:
        return _train(environment, devices, report)


def _train(environment: Environment, devices: Devices, report: Report) -> Path:
    keep_freed_memory()
    watch = Stopwatch()
    notes = environment.training_path
    notes.mkdir(parents=True, exist_ok=True)
    (environment.representation_path / "results").mkdir(parents=True, exist_ok=True)
    inputs = _open(environment, devices)
    started = notes / "started.gin"
    if devices.is_first:
        # A name of its own until the model is there: an earlier model must not get these settings.
        save_configuration(started, inputs.extract, inputs.fit)
    watch.lap("open")

    store = _feature_store(environment, inputs)
    features = _extract(inputs, store, report)
    if not devices.is_first:
        return environment.model_path
    watch.lap("features")
    vae = _fit(inputs, features, notes, report)
    watch.lap("fit")

    say(f"exporting to {environment.model_path}")
    sample = torch.from_numpy(np.array(inputs.images.images[:64]))
    sample = sample.repeat(-(-64 // len(sample)), 1, 1, 1)[:64]
    pixels = to_unit_range(sample, torch.device("cpu"))
    export(Representation(fold(inputs.extractor), vae.cpu()), pixels, environment.model_path)
    started.replace(notes / "configuration.gin")
    watch.lap("export")

    config_sha256 = sha256_of(notes / "configuration.gin")
    model_sha256 = sha256_of(environment.model_path)
    if not environment.is_grading:
        table = CodeTable(
            codes=encode_features(vae, features).numpy(),
            space=inputs.images.space,
            model_sha256=model_sha256,
            data_sha256=inputs.images.sha256,
            config_sha256=config_sha256,
            data_name=inputs.images.name,
        )
        save_table(table, notes / "codes.safetensors")
        watch.lap("codes")
    write_json(
        notes / "training.json",
        {
            "data": {
                "name": inputs.images.name,
                "sizes": list(inputs.images.space.sizes),
                "num_images": inputs.images.space.num_points,
            },
            "model_sha256": model_sha256,
            "weights_sha256": inputs.weights_sha256,
            "config_sha256": config_sha256,
            "settings": {"Extract": asdict(inputs.extract), "Fit": asdict(inputs.fit)},
            "device": str(inputs.device),
            "precision": str(inputs.precision.dtype),
            "feature_type": str(inputs.feature_type),
            "versions": {name: version(name) for name in ("torch", "torchvision", "numpy")},
            "seconds": watch.seconds,
        },
    )
    _checkpoint_path(notes).unlink(missing_ok=True)  # every output is there and verified
    if store is not None and not inputs.extract.keep_features:
        store.remove()
    for stage, seconds in watch.seconds.items():
        say(f"  {stage:<10}{seconds:>8.1f} s")
    say(f"exported {environment.model_path}")
    report(1.0)
    return environment.model_path


def _open(environment: Environment, devices: Devices) -> _Inputs:
    extract, fit = ExtractSettings(), FitSettings()
    images = open_images(environment.dataset_name, environment.data_path)
    grid = " x ".join(map(str, images.space.sizes))
    say(f"data: {images.name}, {images.space.num_points:,} images ({grid}), {images.path}")
    extractor, path, digest = load_frozen(extract.kind, extract.weights, PROJECT)
    say(f"extractor: {extract.kind}, {extractor.architecture}, {path}")
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
    return _Inputs(images, extractor, digest, extract, fit, devices, feature_type, batch_size)


def _batch_sizes(devices: Devices, image_bytes: int) -> list[int]:
    """Lists batch sizes that a device computes fast and in little memory, the largest first."""
    room = CPU_BATCH_BYTES
    if devices.device.type == "cuda":
        room = torch.cuda.get_device_properties(devices.device).total_memory // 2
    sizes = [1 << power for power in range(10, -1, -1)]
    return [size for size in sizes if size * image_bytes <= room] or [1]


def _feature_store(environment: Environment, inputs: _Inputs) -> FeatureStore | None:
    """Names a folder for the features after all that they depend on; none while grading."""
    if environment.is_grading or not inputs.devices.is_first:
        return None
    identity = fingerprint(
        data=inputs.images.sha256,
        weights=inputs.weights_sha256,
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


def _advance(bar: "tqdm[None]", report: Report, begin: float, end: float) -> Callable[[int], None]:
    """Moves a stage's bar on and reports the share of the run that this makes."""

    def advance(amount: int) -> None:
        bar.update(amount)
        report(begin + (end - begin) * bar.n / bar.total)

    return advance


def _extract(inputs: _Inputs, store: FeatureStore | None, report: Report) -> Tensor:
    folded = fold(inputs.extractor, inputs.precision.dtype)
    with (
        stop_requested() as stop,
        progress_bar(inputs.images.space.num_points, "features", " images") as bar,
    ):
        advance = _advance(bar, report, 0.0, FEATURES_END)

        def go_on(amount: int) -> None:
            advance(amount)
            if stop():
                raise InterruptedError(
                    f"stopped at {bar.n:,} of {bar.total:,} features; the same command goes on"
                )

        return extract_features(
            folded,
            inputs.images.images,
            inputs.devices,
            inputs.batch_size,
            inputs.feature_type,
            go_on,
            store,
        )


def _fit(inputs: _Inputs, features: Tensor, notes: Path, report: Report) -> VAE:
    precision = inputs.precision
    if precision.dtype == torch.float16:  # its gradients would need a scale
        precision = Precision(torch.float32, "float16 has too small a range")
    fit = VAEFit(features, inputs.fit, inputs.device, precision)
    fit.keep_in(_checkpoint_path(notes))
    with progress_bar(fit.num_steps, "beta-VAE", " steps", initial=fit.num_steps_done) as bar:
        vae, curves = fit.run(_advance(bar, report, FEATURES_END, FIT_END))
    curves.write(notes)
    last = {name: value for _, name, value in curves.rows[-4:]}
    say("last epoch: " + "  ".join(f"{name} {value:.4f}" for name, value in last.items()))
    return vae


def _checkpoint_path(notes: Path) -> Path:
    return notes / "fit.ckpt"
