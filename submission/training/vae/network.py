"""Builds the VAE that settings describe, and chooses the best copy of each of its latents."""

import torch
from torch import Generator, Tensor

from submission.config.settings import FitSettings
from submission.console import say
from submission.models.grouped import GroupedVAE
from submission.models.vae import VAE, FeatureVAE, initialise_orthogonally
from submission.models.views import Views
from submission.training.losses import divergence_per_latent
from submission.training.seeds import seed_for

__all__ = ["best_copies", "copy_losses", "make_vae"]

NUM_SELECTION_FEATURES = 65_536
"""Features that copies of a latent are compared on."""

ROWS_PER_PASS = 8192
"""Features that are compared at once, at most."""


def make_vae(num_inputs: int, settings: FitSettings, views: Views | None = None) -> FeatureVAE:
    """Builds the network that settings describe; its seed decides the initial weights.

    Args:
        num_inputs: D, length of a feature vector.
        settings: network and seed.
        views: one for each latent; None if all latents see the whole feature.

    Example:
        >>> settings = FitSettings(num_latents=3, encoder_widths=(4,), decoder_widths=(4,))
        >>> tuple(make_vae(8, settings)(torch.rand(5, 8)).shape)
        (5, 3)
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(settings.seed, "VAE: initial weights"))
        if views is not None:
            return GroupedVAE(
                views, settings.encoder_widths, settings.decoder_widths, settings.num_copies
            )
        vae = VAE(
            num_inputs,
            settings.num_latents,
            settings.encoder_widths,
            settings.decoder_widths,
            sigmoid=settings.sigmoid,
        )
        for part in (vae.hidden, vae.mean, vae.log_variance):
            initialise_orthogonally(part)
        if settings.decoder_initialisation == "orthogonal":
            initialise_orthogonally(vae.decoder)
    return vae


def best_copies(vae: FeatureVAE, features: Tensor, settings: FitSettings) -> FeatureVAE:
    """Gives the network with the copy of each latent that has the lowest loss; uses no label.

    Args:
        vae: trained, in evaluation mode.
        features: (N, D) that it was trained on.
        settings: of the training.

    Returns:
        A network of one copy each; the same network if it has no more.
    """
    if not isinstance(vae, GroupedVAE) or vae.num_copies == 1:
        return vae
    order = Generator().manual_seed(seed_for(settings.seed, "VAE: features to compare copies on"))
    chosen = torch.randperm(len(features), generator=order)[:NUM_SELECTION_FEATURES]
    device = next(vae.parameters()).device
    sample = features[chosen.to(features.device)].to(device).float()
    seed = seed_for(settings.seed, "VAE: noise to compare copies with")
    noise = Generator(device).manual_seed(seed)
    losses = copy_losses(vae, sample, settings.beta_end, noise)  # (R, G)
    say("loss of each latent's copies; the copy with the lowest loss is kept:")
    width = max(map(len, vae.views.names))
    for name, row in zip(vae.views.names, losses.T.tolist(), strict=True):
        say(f"  {name:{width}}  " + "  ".join(f"{value:.3f}" for value in sorted(row)))
    return vae.keep(losses.argmin(dim=0))


@torch.no_grad()
def copy_losses(vae: GroupedVAE, features: Tensor, beta: float, generator: Generator) -> Tensor:
    """Computes the mean loss of each copy of a latent on its view.

    Args:
        vae: in evaluation mode.
        features: (N, D).
        beta: weight of the KL term, which is divided by G.
        generator: of the noise, on the features' device.

    Returns:
        (R, G).

    Example:
        >>> views = Views(torch.rand(2, 3, 8), torch.zeros(2, 3), ("shape", "color"), torch.ones(2))
        >>> vae = GroupedVAE(views, encoder_widths=(4,), decoder_widths=(4,), num_copies=3)
        >>> tuple(copy_losses(vae, torch.rand(5, 8), 0.4, Generator()).shape)
        (3, 2)
    """
    sums = features.new_zeros(vae.num_codes)
    for rows in torch.split(features, ROWS_PER_PASS):
        posterior = vae.encode(rows)
        noise = torch.randn(posterior.mean.shape, generator=generator, device=rows.device)
        decoded = vae.decode(posterior.sample(noise))
        errors = (decoded - vae.target(rows)).square().view(len(rows), vae.num_codes, -1)
        divergences = divergence_per_latent(*posterior)
        sums += (errors.sum(dim=2) + beta / vae.num_latents * divergences).sum(dim=0)
    return (sums / len(features)).view(vae.num_copies, vae.num_latents)
