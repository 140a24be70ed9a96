"""The main job: one data set in, an exported representation and what is known of it out."""

import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from submission.config.configuration import Configuration, save_configuration
from submission.console import progress_bar, say
from submission.files import sha256_of, write_json
from submission.job.adapt import adapt
from submission.job.inputs import RunInputs, feature_store, open_inputs
from submission.models.export import Representation, export
from submission.models.folding import fold
from submission.models.head_codes import HeadCodes
from submission.models.vae import Encoder
from submission.models.views import views_of_heads
from submission.scoring.code_table import CodeTable, save_table
from submission.server.environment import Environment
from submission.training.allocator import keep_freed_memory
from submission.training.batches import to_unit_range
from submission.training.devices import Devices, opened_devices
from submission.training.features.extract import extract_features
from submission.training.features.store import FeatureStore
from submission.training.interruption import stop_requested
from submission.training.precision import Precision
from submission.training.vae.fit import VAEFit, encode_features

__all__ = ["Stopwatch", "train_representation"]

NUM_VIEW_FEATURES = 65_536
"""Features that the covariance of a data set is estimated from."""

TUNING_END, FEATURES_END, FIT_END = 0.3, 0.5, 0.98
"""Shares of a run that are done when a stage ends; without tuning, features begin at 0."""

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


def train_representation(
    environment: Environment,
    configuration: Configuration,
    report: Report = lambda fraction: None,
) -> Path:
    """Extracts features, trains the beta-VAE on them and exports the representation.

    Processes that torchrun started share the extraction; the first one does the rest alone. The
    folder `training/` receives the configuration (called `started.gin` until the model is written),
    the learning curves, what the run came from and, except on the evaluation server, the code of
    every image.

    Args:
        environment: where to read and write.
        configuration: all settings.
        report: told the share of the run that is done, rising from 0 to 1, often.

    Returns:
        The exported file.

    Raises:
        FileNotFoundError: if data or weights are missing.
        ValueError: if data, weights, settings or memory do not fit.
        OSError: if the output cannot be written.
    """
    with opened_devices(cuda=environment.cuda, backend="gloo") as devices:
        return _train(environment, configuration, devices, report)


def _train(
    environment: Environment, configuration: Configuration, devices: Devices, report: Report
) -> Path:
    keep_freed_memory()
    watch = Stopwatch()
    notes = environment.training_path
    notes.mkdir(parents=True, exist_ok=True)
    (environment.representation_path / "results").mkdir(parents=True, exist_ok=True)
    inputs = open_inputs(environment, configuration, devices)
    started = notes / "started.gin"
    if devices.is_first:
        # A name of its own until the model is there: an earlier model must not get these settings.
        save_configuration(started, inputs.adapt, inputs.extract, inputs.fit)
    watch.lap("open")

    store = feature_store(environment, inputs)
    if inputs.adapt.num_tuning_images or inputs.adapt.num_norm_images:
        adapt(inputs, store, _tuning_checkpoint(notes), lambda part: report(TUNING_END * part))
        watch.lap("adaptation")
    features = _extract(inputs, store, report)
    if not devices.is_first:
        return environment.model_path
    watch.lap("features")
    encoder = _fit(inputs, features, notes, report)
    watch.lap("fit")

    say(f"exporting to {environment.model_path}")
    sample = torch.from_numpy(np.array(inputs.images.images[:64]))
    sample = sample.repeat(-(-64 // len(sample)), 1, 1, 1)[:64]
    pixels = to_unit_range(sample, torch.device("cpu"))
    export(Representation(fold(inputs.extractor), encoder.cpu()), pixels, environment.model_path)
    started.replace(notes / "configuration.gin")
    watch.lap("export")

    config_sha256 = sha256_of(notes / "configuration.gin")
    model_sha256 = sha256_of(environment.model_path)
    if not environment.is_grading:
        table = CodeTable(
            codes=encode_features(encoder, features).numpy(),
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
            "settings": {
                "Adapt": asdict(inputs.adapt),
                "Extract": asdict(inputs.extract),
                "Fit": asdict(inputs.fit),
            },
            "device": str(inputs.device),
            "precision": str(inputs.precision.dtype),
            "feature_type": str(inputs.feature_type),
            "versions": {name: version(name) for name in ("torch", "torchvision", "numpy")},
            "seconds": watch.seconds,
        },
    )
    for checkpoint in (_tuning_checkpoint(notes), _checkpoint_path(notes)):
        checkpoint.unlink(missing_ok=True)  # every output is there and verified
    if store is not None and not inputs.extract.keep_features:
        store.remove()
    for stage, seconds in watch.seconds.items():
        say(f"  {stage:<10}{seconds:>8.1f} s")
    say(f"exported {environment.model_path}")
    report(1.0)
    return environment.model_path


def _advance(bar: "tqdm[None]", report: Report, begin: float, end: float) -> Callable[[int], None]:
    """Moves a stage's bar on and reports the share of the run that this makes."""

    def advance(amount: int) -> None:
        bar.update(amount)
        report(begin + (end - begin) * bar.n / bar.total)

    return advance


def _extract(inputs: RunInputs, store: FeatureStore | None, report: Report) -> Tensor:
    folded = fold(inputs.extractor, inputs.precision.dtype)
    with (
        stop_requested() as stop,
        progress_bar(inputs.images.space.num_points, "features", " images") as bar,
    ):
        begin = TUNING_END if inputs.adapt.num_tuning_images else 0.0
        advance = _advance(bar, report, begin, FEATURES_END)

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


def _fit(inputs: RunInputs, features: Tensor, notes: Path, report: Report) -> Encoder:
    if inputs.fit.latents == "heads":
        assert inputs.heads is not None
        say("no VAE: the heads' expected values are the representation")
        return HeadCodes(inputs.heads).eval()
    random = np.random.default_rng(inputs.fit.seed)
    if inputs.fit.num_images:
        features = _sample(features, inputs.fit.num_images, random)
    precision, views = inputs.precision, None
    if precision.dtype == torch.float16:  # its gradients would need a scale
        precision = Precision(torch.float32, "float16 has too small a range")
    if inputs.fit.latents == "per_factor":
        assert inputs.heads is not None
        sample = _sample(features, NUM_VIEW_FEATURES, random).float()
        views = views_of_heads(inputs.heads, sample, inputs.fit.views)
        precision = Precision(torch.float32, "small networks gain nothing from less")
    fit = VAEFit(features, inputs.fit, inputs.device, precision, views)
    fit.keep_in(_checkpoint_path(notes))
    with progress_bar(fit.num_steps, "beta-VAE", " steps", initial=fit.num_steps_done) as bar:
        vae, curves = fit.run(_advance(bar, report, FEATURES_END, FIT_END))
    curves.write(notes)
    last = {name: value for _, name, value in curves.rows[-4:]}
    say("last epoch: " + "  ".join(f"{name} {value:.4f}" for name, value in last.items()))
    return vae


def _sample(features: Tensor, count: int, random: np.random.Generator) -> Tensor:
    """Draws features without repetition, in their order; all if there are no more."""
    if count >= len(features):
        return features
    return features[torch.from_numpy(np.sort(random.choice(len(features), count, replace=False)))]


def _checkpoint_path(notes: Path) -> Path:
    return notes / "fit.ckpt"


def _tuning_checkpoint(notes: Path) -> Path:
    return notes / "tune.ckpt"
