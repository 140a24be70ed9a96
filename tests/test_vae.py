import pytest
import torch
from torch import Generator, nn

from submission.models.vae import VAE, Posterior, initialise_orthogonally


def test_the_paper_network_has_the_papers_layers() -> None:
    vae = VAE()
    widths = [layer.out_features for layer in vae.modules() if isinstance(layer, nn.Linear)]
    assert widths == [1024] * 4 + [16, 16] + [1024] * 4 + [512]
    hidden = [layer for layer in vae.hidden if isinstance(layer, nn.Linear)]
    assert all(layer.bias is None for layer in hidden)
    decoded = vae.decode(torch.randn(3, 16))
    assert ((decoded > 0) & (decoded < 1)).all()


def test_orthogonal_initialisation_is_orthogonal_everywhere() -> None:
    vae = VAE(12, 4, (32, 8), (16,))
    initialise_orthogonally(vae)
    for layer in vae.modules():
        if isinstance(layer, nn.Linear):
            weight = layer.weight if layer.out_features < layer.in_features else layer.weight.T
            torch.testing.assert_close(weight @ weight.T, torch.eye(len(weight)), rtol=0, atol=1e-5)
            assert layer.bias is None or (layer.bias == 0).all()


def test_samples_have_the_posteriors_moments() -> None:
    mean = torch.full((200_000, 1), 2.0)
    posterior = Posterior(mean, torch.full_like(mean, 1.5))
    sample = posterior.sample(torch.randn(mean.shape, generator=Generator().manual_seed(0)))
    assert sample.mean().item() == pytest.approx(2.0, abs=0.02)
    assert sample.var().item() == pytest.approx(torch.tensor(1.5).exp().item(), rel=0.02)
