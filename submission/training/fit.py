"""Trains the beta-VAE on a matrix of features (paper, section 2.3)."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Generator, Tensor

from submission.models.vae import VAE, initialise_orthogonally
from submission.settings import FitSettings
from submission.training.curves import Curves
from submission.training.losses import kl_divergence, reconstruction_error
from submission.training.precision import Precision
from submission.training.schedule import annealed_beta

__all__ = ["encode_features", "fit_vae"]


def fit_vae(
    features: Tensor,
    settings: FitSettings,
    device: torch.device,
    precision: Precision,
    advance: Callable[[int], object] = lambda num_steps: None,
) -> tuple[VAE, Curves]:
    """Trains a beta-VAE; on a CPU, settings and features decide the result to the last bit.

    Args:
        features: (N, D) matrix, moved to the device as a whole.
        settings: network, optimisation and schedule.
        device: where to train.
        precision: of the matrix products.
        advance: told the number of finished steps.

    Returns:
        The VAE in evaluation mode, and per epoch the mean loss, its two terms, and beta.

    Raises:
        ValueError: if there are fewer features than a batch, or the loss stops being a number.
    """
    steps_per_epoch = len(features) // settings.batch_size
    if steps_per_epoch == 0:
        raise ValueError(
            f"expected at least one batch of {settings.batch_size} features, got {len(features)}; "
            "lower Fit.batch_size or use a larger grid"
        )
    on_cpu = Generator().manual_seed(settings.seed)
    vae = VAE(
        features.shape[1],
        settings.num_latents,
        settings.encoder_widths,
        settings.decoder_widths,
    )
    initialise_orthogonally(vae, on_cpu)
    vae.to(device).train()
    optimizer = torch.optim.RAdam(vae.parameters(), settings.learning_rate, (0.9, 0.999))
    noise = Generator(device).manual_seed(settings.seed)
    matrix = features.to(device)
    curves = Curves()
    for epoch in range(settings.num_epochs):
        beta = annealed_beta(
            epoch,
            settings.beta_start,
            settings.beta_end,
            settings.anneal_start,
            settings.anneal_end,
        )
        sums = torch.zeros(3, device=device)
        order = torch.randperm(len(features), generator=on_cpu).to(device)
        for batch in _batches(order, settings.batch_size):
            rows = matrix[batch].float()  # (B, D)
            with torch.autocast(
                device.type, precision.dtype, enabled=precision.dtype != torch.float32
            ):
                posterior = vae.encode(rows)
                decoded = vae.decode(posterior.sample(noise))
            error = reconstruction_error(decoded.float(), rows)
            divergence = kl_divergence(posterior.mean.float(), posterior.log_variance.float())
            loss = error + beta * divergence / settings.num_latents
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            sums += torch.stack([loss.detach(), error.detach(), divergence.detach()])
            advance(1)
        means = (sums / steps_per_epoch).tolist()
        if not math.isfinite(means[0]):
            raise ValueError(
                f"expected a finite loss, got {means[0]} in epoch {epoch}; lower Fit.learning_rate"
            )
        names = ("loss", "reconstruction_error", "kl_divergence")
        curves.add(epoch, {**dict(zip(names, means, strict=True)), "beta": beta})
    return vae.eval().requires_grad_(requires_grad=False), curves


def _batches(order: Tensor, batch_size: int) -> Iterator[Tensor]:
    for start in range(0, len(order) - batch_size + 1, batch_size):
        yield order[start : start + batch_size]


@torch.inference_mode()
def encode_features(vae: VAE, features: Tensor, batch_size: int = 8192) -> Tensor:
    """Encodes every feature to its representation, the posterior mean.

    Args:
        vae: in evaluation mode.
        features: (N, D) on any device.
        batch_size: features of a pass.

    Returns:
        (N, C) float32 codes on the CPU.
    """
    device = next(vae.parameters()).device
    # Filled in place: small results kept between large temporaries would tear the heap apart.
    codes = torch.empty(len(features), vae.mean.out_features)
    for start in range(0, len(features), batch_size):
        rows = features[start : start + batch_size]
        codes[start : start + len(rows)] = vae(rows.to(device).float())
    return codes
