"""Trains the representation on a matrix of features (paper, section 2.3)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from submission.config.settings import FitSettings
from submission.console import say
from submission.models.heads import ExpectedValues, Heads
from submission.models.vae import Encoder, FeatureVAE
from submission.models.views import Views, views_of_heads
from submission.training.checkpoint import CheckpointFile
from submission.training.devices import Devices
from submission.training.loop import run_loop
from submission.training.losses import divergence_per_latent
from submission.training.precision import Precision
from submission.training.seeds import seed_for
from submission.training.vae.network import best_copies
from submission.training.vae.task import VAETask

__all__ = ["NUM_VIEW_FEATURES", "encode_features", "fit", "kl_per_latent"]

NUM_VIEW_FEATURES = 65_536
"""Features that the covariance of a data set is estimated from."""

ROWS_PER_PASS = 8192
"""Features that are encoded at once, at most."""

NUM_KL_FEATURES = 8192
"""Features that the KL divergence of each latent is averaged over, at most."""


def fit(
    features: Tensor,
    heads: Heads | None,
    settings: FitSettings,
    devices: Devices,
    checkpoint: Path,
    report: Callable[[float], object],
) -> Encoder:
    """Trains the encoder of features that the settings describe.

    On SIGTERM or SIGINT, the training stores a checkpoint and stops.

    Args:
        features: (N, D), of all images.
        heads: the classifiers that were trained with the extractor; None if the settings ask for
            shared latents.
        settings: representation, network, optimisation and schedule.
        devices: where to train, in this process alone.
        checkpoint: file to continue from and to write. Its folder receives the learning curves.
        report: called with the share of the training that is done, in [0, 1].

    Returns:
        The encoder in evaluation mode, frozen.

    Raises:
        InputError: if there are fewer features than a batch, the checkpoint is of another run, or
            the training diverges.
        Stopped: if a signal stopped the training.
        OutputError: if the curves cannot be written.

    Example:
        >>> import tempfile
        >>> from submission.training.devices import one_device
        >>> small = {"num_latents": 2, "encoder_widths": (4,), "decoder_widths": (4,)}
        >>> settings, done = FitSettings(batch_size=8, num_epochs=1, **small), []
        >>> cpu = one_device(torch.device("cpu"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     place = Path(folder, "vae.ckpt")
        ...     encoder = fit(torch.rand(20, 6), None, settings, cpu, place, done.append)
        last epoch: ...
        >>> done, tuple(encoder(torch.rand(5, 6)).shape)
        ([0.5, 1.0], (5, 2))
    """
    if settings.latents == "heads":
        assert heads is not None
        say("no VAE: the heads' expected values are the representation")
        return ExpectedValues(heads).eval()
    num_rows = settings.num_images or len(features)
    rows = _sample(features, num_rows, settings.seed, "VAE: chosen features")
    views, precision = _views(rows, heads, settings), _precision(settings, devices.precision)
    task = VAETask(rows, settings, devices.device, precision, views, checkpoint.parent)
    run_loop(task, CheckpointFile(checkpoint, settings, task.facts()), report)
    task.curves.write(checkpoint.parent)
    last = {name: value for _, name, value in task.curves.rows[-4:]}
    say("last epoch: " + "  ".join(f"{name} {value:z.4f}" for name, value in last.items()))
    vae = best_copies(task.network.eval(), rows, settings)
    return vae.requires_grad_(requires_grad=False)


@torch.inference_mode()
def encode_features(encoder: Encoder, features: Tensor) -> Tensor:
    """Encodes every feature to its representation.

    Args:
        encoder: in evaluation mode.
        features: (N, D) on any device.

    Returns:
        (N, C) float32 codes on the CPU.

    Example:
        >>> from submission.models.vae import VAE
        >>> vae = VAE(num_inputs=6, num_latents=2, encoder_widths=(4,), decoder_widths=(4,)).eval()
        >>> tuple(encode_features(vae, torch.rand(5, 6)).shape)
        (5, 2)
    """
    device = next(encoder.parameters()).device
    # Filled in place: small results kept between large temporaries would tear the heap apart.
    codes = torch.empty(len(features), encoder.num_latents)
    for start in range(0, len(features), ROWS_PER_PASS):
        rows = features[start : start + ROWS_PER_PASS]
        codes[start : start + len(rows)] = encoder(rows.to(device).float())
    return codes


@torch.inference_mode()
def kl_per_latent(encoder: Encoder, features: Tensor) -> list[float]:
    """Computes the mean KL divergence of each latent from the prior, of evenly chosen features.

    Args:
        encoder: in evaluation mode.
        features: (N, D) on any device.

    Returns:
        C numbers in nats; none if the encoder has no posterior.

    Example:
        >>> from submission.models.vae import VAE
        >>> vae = VAE(num_inputs=6, num_latents=2, encoder_widths=(4,), decoder_widths=(4,)).eval()
        >>> len(kl_per_latent(vae, torch.rand(5, 6)))
        2
    """
    if not isinstance(encoder, FeatureVAE):
        return []
    rows = features[:: -(-len(features) // NUM_KL_FEATURES)]
    posterior = encoder.encode(rows.to(next(encoder.parameters()).device).float())
    divergence = divergence_per_latent(posterior.mean, posterior.log_variance)
    return [float(value) for value in divergence.mean(dim=0)]


def _precision(settings: FitSettings, fastest: Precision) -> Precision:
    if settings.latents == "per_factor":
        return Precision(torch.float32, "small networks gain nothing from less")
    if fastest.dtype == torch.float16:  # its gradients would need a scale
        return Precision(torch.float32, "float16 has too small a range")
    return fastest


def _views(features: Tensor, heads: Heads | None, settings: FitSettings) -> Views | None:
    if settings.latents != "per_factor":
        return None
    assert heads is not None
    sample = _sample(features, NUM_VIEW_FEATURES, settings.seed, "VAE: features of the views")
    return views_of_heads(heads, sample.float(), settings.views)


def _sample(features: Tensor, count: int, seed: int, purpose: str) -> Tensor:
    """Draws features without repetition, in their order; all if there are no more."""
    if count >= len(features):
        return features
    random = np.random.default_rng(seed_for(seed, purpose))
    return features[torch.from_numpy(np.sort(random.choice(len(features), count, replace=False)))]
