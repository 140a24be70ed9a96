"""The main job: one data set in, an exported representation and what is known of it out."""

from contextlib import nullcontext
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from submission.config.configuration import Configuration
from submission.config.group import outcome_settings
from submission.console import say
from submission.data.image_set import ImageSet
from submission.data.images import open_images
from submission.files import locked, sha256_of
from submission.job.inputs import extractor_of_run, require_enough_images
from submission.job.memory import MemoryPlan
from submission.job.plan import plan_run
from submission.job.run_record import Report, RunRecord
from submission.models.export import Representation, export
from submission.models.folding import fold
from submission.models.frozen import FrozenExtractor
from submission.scoring.code_table import CodeTable, save_table
from submission.scoring.results import Source
from submission.server.environment import Environment
from submission.training.adapt.adapt import adapt
from submission.training.allocator import keep_freed_memory
from submission.training.batches import to_unit_range
from submission.training.checkpoint import require_same_settings
from submission.training.devices import Devices, opened_devices
from submission.training.features.extract import extract_features
from submission.training.features.identity import identity_of_features
from submission.training.seeds import seed_for
from submission.training.vae.fit import encode_features, fit, kl_per_latent

__all__ = ["train_representation"]

TUNING_END, FEATURES_END, FIT_END = 0.3, 0.5, 0.98
"""Shares of a run that are done when a stage ends; without tuning, features begin at 0."""


def train_representation(
    environment: Environment,
    configuration: Configuration,
    report: Report = lambda share: None,
) -> Path:
    """Extracts features, trains the beta-VAE on them and exports the representation.

    Processes that torchrun started share the extraction; the first one does the rest alone. The
    folder `training/` receives the configuration (called `started.gin` until the model is
    written), the learning curves, and what the run came from. Except on the evaluation server, it
    also receives the code of every image.

    Args:
        environment: where to read and write.
        configuration: the settings.
        report: receives the share of the run that is done, rising from 0 to 1.

    Returns:
        The exported file.

    Raises:
        MissingFileError: if data or weights are missing.
        InputError: if data, weights, settings or memory do not fit, or another run writes to the
            experiment's folder.
        Stopped: if a signal stopped the run.
        OutputError: if an output cannot be written.
    """
    keep_freed_memory()
    with (
        opened_devices(cuda=environment.cuda, backend="gloo") as devices,
        locked(environment.experiment_path, "training") if devices.is_first else nullcontext(),
    ):
        _train(environment, configuration, devices, report)
    return environment.model_path


def _train(
    environment: Environment, configuration: Configuration, devices: Devices, report: Report
) -> None:
    record = RunRecord(environment, configuration, report, writes=devices.is_first)
    tunes = configuration.adapt.num_tuning_images > 0
    tune_checkpoint, fit_checkpoint = record.checkpoint("tune"), record.checkpoint("fit")
    with record.stage("open", end=0.0):
        if tunes:
            require_same_settings(tune_checkpoint, configuration.adapt)
        if configuration.fit.latents != "heads":
            require_same_settings(fit_checkpoint, configuration.fit)
        images = open_images(environment.dataset_name, environment.data_path)
        _say_what(images, devices)
        frozen = extractor_of_run(configuration)
        require_enough_images(configuration, images.space.num_points)
        plan = plan_run(images, frozen, configuration, devices)
        store = None
        if devices.is_first and not environment.is_grading:
            identity = _identity(images, frozen, configuration, devices, plan)
            store = record.feature_store(identity)
    with record.stage("adaptation", end=TUNING_END if tunes else 0.0) as share:
        extractor = adapt(
            frozen, images, configuration.adapt, devices, tune_checkpoint, store, share
        )
    with record.stage("features", end=FEATURES_END) as share:
        folded = fold(extractor, devices.precision.dtype)
        batch_size, feature_type = plan.batch_size, getattr(torch, plan.feature_type)
        features = extract_features(
            folded, images.images, devices, batch_size, feature_type, store, share
        )
        images.require_unchanged()
    if not devices.is_first:
        return
    with record.stage("fit", end=FIT_END) as share:
        encoder = fit(features, frozen.heads, configuration.fit, devices, fit_checkpoint, share)
    with record.stage("export", end=FIT_END):
        _export(Representation(fold(extractor), encoder.cpu()), images, environment.model_path)
        hashes = {
            "model_sha256": sha256_of(environment.model_path),
            "weights_sha256": frozen.sha256,
            "config_sha256": record.settle_configuration(),
        }
    if not environment.is_grading:
        with record.stage("codes", end=FIT_END):
            table = CodeTable(
                codes=encode_features(encoder, features).numpy(),
                space=images.space,
                source=Source(
                    images.name, images.sha256, hashes["model_sha256"], hashes["config_sha256"]
                ),
            )
            save_table(table, environment.codes_path)
    images.require_unchanged()
    notes = _notes(images, configuration, devices, plan, hashes)
    record.finish({**notes, "kl_per_latent": kl_per_latent(encoder, features)})
    say(f"exported {environment.model_path}")


def _say_what(images: ImageSet, devices: Devices) -> None:
    grid = " x ".join(map(str, images.space.sizes))
    say(f"data: {images.name}, {images.space.num_points:,} images ({grid}), {images.path}")
    say(f"device: {devices.device}, {devices.precision.dtype} because {devices.precision.reason}")


def _identity(
    images: ImageSet,
    frozen: FrozenExtractor,
    configuration: Configuration,
    devices: Devices,
    plan: MemoryPlan,
) -> str:
    return identity_of_features(
        data=images.sha256,
        weights=frozen.sha256,
        kind=configuration.extract.kind,
        adapt=outcome_settings(configuration.adapt),
        batch_size=plan.batch_size,
        feature_type=plan.feature_type,
        device=devices.device.type,
        precision=devices.precision.dtype,
    )


def _export(representation: Representation, images: ImageSet, path: Path) -> None:
    say(f"exporting to {path}")
    representation = representation.cpu().eval()
    pixels = _some_pixels(images)
    with torch.no_grad():
        representation(pixels[:1])  # a bug of ours shows here; `export` takes it for the user's
    export(representation, pixels, path)


def _some_pixels(images: ImageSet) -> Tensor:
    """Draws 64 images of the set, with repetitions, as (64, 3, 64, 64) in [0, 1]."""
    random = np.random.default_rng(seed_for(0, "export: images to compare on"))
    rows = np.sort(random.integers(len(images.images), size=64))
    return to_unit_range(torch.from_numpy(images.images[rows]), torch.device("cpu"))


def _notes(
    images: ImageSet,
    configuration: Configuration,
    devices: Devices,
    plan: MemoryPlan,
    hashes: dict[str, str],
) -> dict[str, Any]:
    groups = configuration.adapt, configuration.extract, configuration.fit
    return {
        "data": {
            "name": images.name,
            "sizes": list(images.space.sizes),
            "num_images": images.space.num_points,
        },
        **hashes,
        "settings": {group.group_name(): asdict(group) for group in groups},
        "device": str(devices.device),
        "precision": str(devices.precision.dtype),
        "feature_type": f"torch.{plan.feature_type}",
        "versions": {name: version(name) for name in ("torch", "torchvision", "numpy")},
    }
