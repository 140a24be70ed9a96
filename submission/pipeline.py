"""The main job: one data set in, an exported representation and what is known of it out."""

import hashlib
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
from submission.environment import Environment
from submission.export import Representation, export
from submission.files import sha256_of, write_json
from submission.memory import plan_memory, read_memory_limits
from submission.models.extractor import FEATURE_SIZE, Extractor
from submission.models.folding import fold
from submission.models.frozen import load_frozen
from submission.models.vae import VAE
from submission.scoring.table import CodeTable, save_table
from submission.settings import ExtractSettings, FitSettings
from submission.training.allocator import keep_freed_memory
from submission.training.batches import to_unit_range
from submission.training.features import extract_features
from submission.training.fit import VAEFit, encode_features, make_vae
from submission.training.precision import Precision, choose_device, choose_precision

__all__ = ["Stopwatch", "train_representation"]

MIB = 1 << 20
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
    device: torch.device
    precision: Precision
    feature_type: torch.dtype


def train_representation(environment: Environment, report: Report = lambda fraction: None) -> Path:
    """Extracts features, trains the beta-VAE on them and exports the representation.

    The configuration must have been loaded. The folder `training/` receives the
    configuration (called `started.gin` until the model is written), the learning curves, what the
    run came from and, except on the evaluation server, the code of every image.

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
    keep_freed_memory()
    watch = Stopwatch()
    notes = environment.training_path
    notes.mkdir(parents=True, exist_ok=True)
    (environment.representation_path / "results").mkdir(parents=True, exist_ok=True)
    inputs = _open(environment)
    # A name of its own until the model is there: an earlier model must not get these settings.
    started = notes / "started.gin"
    configuration = save_configuration(started, inputs.extract, inputs.fit)
    watch.lap("open")

    features = _extract(inputs, report)
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

    config_sha256 = hashlib.sha256(configuration.encode()).hexdigest()
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
    for stage, seconds in watch.seconds.items():
        say(f"  {stage:<10}{seconds:>8.1f} s")
    say(f"exported {environment.model_path}")
    report(1.0)
    return environment.model_path


def _open(environment: Environment) -> _Inputs:
    extract, fit = ExtractSettings(), FitSettings()
    images = open_images(environment.dataset_name, environment.data_path)
    sizes = " x ".join(map(str, images.space.sizes))
    say(f"data: {images.name}, {images.space.num_points:,} images ({sizes}), {images.path}")
    device = choose_device(cuda=environment.cuda)
    precision = choose_precision(device)
    extractor, path, digest = load_frozen(extract.kind, extract.weights, PROJECT)
    say(f"extractor: {extract.kind}, {extractor.architecture}, {path}")
    say(f"device: {device}, {precision.dtype} because {precision.reason}")
    plan = plan_memory(
        images.space.num_points,
        read_memory_limits(extract.memory_limit),
        feature_type=extract.feature_type,
        feature_dim=FEATURE_SIZE,
        model_bytes=_model_bytes(extractor, fit),
        batch_bytes=extract.batch_size * 4 * MIB * extractor.input_size**2 // 64**2,
        mapped_bytes=images.images.nbytes,
    )
    say(str(plan))
    feature_type = torch.float16 if plan.feature_type == "float16" else torch.float32
    return _Inputs(images, extractor, digest, extract, fit, device, precision, feature_type)


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


def _extract(inputs: _Inputs, report: Report) -> Tensor:
    folded = fold(inputs.extractor, inputs.precision.dtype)
    with progress_bar(inputs.images.space.num_points, "features", " images") as bar:
        return extract_features(
            folded,
            inputs.images.images,
            inputs.device,
            inputs.extract.batch_size,
            inputs.feature_type,
            _advance(bar, report, 0.0, FEATURES_END),
        )


def _fit(inputs: _Inputs, features: Tensor, notes: Path, report: Report) -> VAE:
    fit = VAEFit(features, inputs.fit, inputs.device, inputs.precision)
    fit.keep_in(
        _checkpoint_path(notes),
        data=inputs.images.sha256,
        weights=inputs.weights_sha256,
    )
    with progress_bar(fit.num_steps, "beta-VAE", " steps", initial=fit.num_steps_done) as bar:
        vae, curves = fit.run(_advance(bar, report, FEATURES_END, FIT_END))
    curves.write(notes)
    last = {name: value for _, name, value in curves.rows[-4:]}
    say("last epoch: " + "  ".join(f"{name} {value:.4f}" for name, value in last.items()))
    return vae


def _checkpoint_path(notes: Path) -> Path:
    return notes / "fit.ckpt"
