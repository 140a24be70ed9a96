"""Training the beta-VAE: ours against a loader of single items. `python -m benchmarks.vae`."""

import argparse

import torch
from torch import Generator, Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.pairs import compare
from submission.config.settings import FitSettings
from submission.training.allocator import keep_freed_memory
from submission.training.curves import Curves
from submission.training.losses import kl_divergence, reconstruction_error
from submission.training.precision import choose_device, choose_precision
from submission.training.schedule import annealed_beta
from submission.training.vae.network import make_vae
from submission.training.vae.task import VAETask

NAMES = ("loss", "reconstruction_error", "kl_divergence")


def main() -> None:
    """Times an epoch with the paper's network and batch, then compares both ways' loss curves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=int, default=12_800)
    parser.add_argument("--epochs", type=int, default=4, help="Length of the curves; 0 for none.")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cuda-graph", action=argparse.BooleanOptionalAction, default=True)
    arguments = parser.parse_args()
    device = choose_device(cuda=None)
    precision = choose_precision(device)
    features = factored_features(arguments.features)

    def ours(num_epochs: int) -> Curves:
        settings = FitSettings(
            num_epochs=num_epochs,
            anneal_start=0,
            anneal_end=3,
            cuda_graph=arguments.cuda_graph,
        )
        task = VAETask(features, settings, device, precision)
        for _ in range(task.num_steps):
            task.take_step()
        return task.curves

    train_by_items(features, 1, device)
    kept = keep_freed_memory()
    compare(
        f"one epoch of the beta-VAE on {len(features)} features, {device}, "
        f"{torch.get_num_threads()} threads, freed memory kept for both: {kept}",
        (f"ours: matrix in memory, fused RAdam, {precision.dtype}", lambda: ours(1)),
        (
            "rival: float32, loader of single items with 2 workers",
            lambda: train_by_items(features, 1, device),
        ),
        len(features),
        "features",
        arguments.runs,
    )
    if arguments.epochs:
        rivals = [train_by_items(features, arguments.epochs, device, seed) for seed in (0, 1)]
        report_distance(ours(arguments.epochs), *rivals)


def factored_features(num_features: int) -> Tensor:
    """Makes (N, 512) unit vectors from seven hidden factors by a fixed random network."""
    generator = Generator().manual_seed(0)
    hidden = torch.rand(num_features, 7, generator=generator) * 4 - 2
    for width in (64, 512):
        weight = torch.randn(hidden.shape[1], width, generator=generator)
        hidden = (hidden @ weight / hidden.shape[1] ** 0.5).relu()
    return hidden / hidden.square().sum(dim=1, keepdim=True).sqrt()


def train_by_items(
    features: Tensor, num_epochs: int, device: torch.device, seed: int = 0
) -> Curves:
    """Trains as most code does: float32, items collected by workers, PyTorch's RAdam."""
    torch.manual_seed(seed)
    vae = make_vae(features.shape[1], FitSettings(seed=seed)).to(device).train()
    optimizer = torch.optim.RAdam(vae.parameters(), lr=1e-3)
    loader = DataLoader(
        TensorDataset(features), batch_size=256, shuffle=True, drop_last=True, num_workers=2
    )
    curves = Curves()
    for epoch in range(num_epochs):
        beta = annealed_beta(epoch, 0.001, 0.4, 0, 3)
        sums = torch.zeros(3, device=device)
        for (items,) in loader:
            rows = items.to(device)
            posterior = vae.encode(rows)
            decoded = vae.decode(posterior.sample(torch.randn_like(posterior.mean)))
            error = reconstruction_error(decoded, rows)
            divergence = kl_divergence(*posterior)
            loss = error + beta * divergence / 16
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            sums += torch.stack([loss, error, divergence]).detach()
        curves.add(epoch, dict(zip(NAMES, (sums / len(loader)).tolist(), strict=True)))
    return curves


def report_distance(ours: Curves, rival: Curves, other_seed: Curves) -> None:
    """Prints the distance of the curves, and for comparison that of two seeds of the rival."""
    print("relative distance of the curves, largest over the epochs:")
    for name in NAMES:
        curve, theirs, others = (
            torch.tensor([value for _, key, value in curves.rows if key == name])
            for curves in (ours, rival, other_seed)
        )
        to_ours, to_other = (((x - theirs) / theirs).abs().max() for x in (curve, others))
        print(f"  {name:<22}ours to rival {to_ours:.4f}   two seeds of the rival {to_other:.4f}")
        for label, values in (("ours", curve), ("rival", theirs), ("other seed", others)):
            print(f"    {label:<12}" + " ".join(f"{value:9.5f}" for value in values))


if __name__ == "__main__":
    main()
