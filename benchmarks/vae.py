"""An epoch of the beta-VAE: ours against a loader of single items. `python -m benchmarks.vae`."""

import argparse

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.pairs import compare
from submission.models.vae import VAE, initialise_orthogonally
from submission.settings import FitSettings
from submission.training.allocator import keep_freed_memory
from submission.training.fit import fit_vae
from submission.training.losses import kl_divergence, reconstruction_error
from submission.training.precision import choose_device, choose_precision


def main() -> None:
    """Times both ways on random unit vectors, with the paper's network and batch size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=int, default=12_800)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    device = choose_device(cuda=None)
    precision = choose_precision(device)
    features = torch.rand(arguments.features, 512)
    features /= features.square().sum(dim=1, keepdim=True).sqrt()
    settings = FitSettings(num_epochs=1)

    def rival() -> None:
        vae = VAE()
        initialise_orthogonally(vae)
        vae.to(device).train()
        optimizer = torch.optim.RAdam(vae.parameters(), lr=1e-3)
        loader = DataLoader(
            TensorDataset(features), batch_size=256, shuffle=True, drop_last=True, num_workers=2
        )
        for (rows,) in loader:
            rows = rows.to(device)
            posterior = vae.encode(rows)
            error = reconstruction_error(vae.decode(posterior.sample()), rows)
            loss = error + 0.001 * kl_divergence(*posterior) / 16
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    def ours() -> None:
        fit_vae(features, settings, device, precision)

    rival()
    kept = keep_freed_memory()
    compare(
        f"one epoch of the beta-VAE on {len(features)} features, {device}, "
        f"{torch.get_num_threads()} threads, freed memory kept for both: {kept}",
        (f"ours: matrix in memory, {precision.dtype}", ours),
        ("rival: float32, loader of single items with 2 workers", rival),
        len(features),
        "features",
        arguments.runs,
    )


if __name__ == "__main__":
    main()
