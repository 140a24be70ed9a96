import pytest
import torch
from torch import Generator, nn

from submission.models.vae import VAE, Posterior, initialise_orthogonally
from submission.settings import FitSettings
from submission.training.curves import Curves
from submission.training.fit import VAEFit, encode_features
from submission.training.precision import Precision

CPU = torch.device("cpu")
SINGLE = Precision(torch.float32, "test")
SMALL = FitSettings(
    num_latents=4,
    encoder_widths=(32, 32),
    decoder_widths=(32,),
    batch_size=16,
    num_epochs=3,
    anneal_start=0,
    anneal_end=2,
)


def features(num: int = 100) -> torch.Tensor:
    rows = torch.rand(num, 12, generator=Generator().manual_seed(0))
    return rows / rows.square().sum(dim=1, keepdim=True).sqrt()


def fit(rows: torch.Tensor, settings: FitSettings = SMALL) -> tuple[VAE, Curves]:
    return VAEFit(rows, settings, CPU, SINGLE).run()


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
    initialise_orthogonally(vae, Generator().manual_seed(0))
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


def test_training_repeats_to_the_last_bit() -> None:
    first, curves = fit(features())
    second, again = fit(features())
    assert curves.rows == again.rows
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_another_seed_gives_another_network() -> None:
    first, _ = fit(features())
    other = FitSettings(**{**vars(SMALL), "seed": 1})
    second, _ = fit(features(), other)
    assert not torch.equal(first.mean.weight, second.mean.weight)


def test_training_lowers_the_reconstruction_error() -> None:
    settings = FitSettings(**{**vars(SMALL), "num_epochs": 30, "beta_end": 0.01})
    _, curves = fit(features(256), settings)
    errors = [value for _, name, value in curves.rows if name == "reconstruction_error"]
    assert errors[-1] < 0.5 * errors[0]


def test_every_parameter_is_trained() -> None:
    vae = VAE(12, 4, (8, 8), (8, 8))
    before = {name: value.clone() for name, value in vae.named_parameters()}
    assert set(before) == {name for name, _ in vae.named_parameters()}
    posterior = vae.encode(features(32))
    loss = (
        vae.decode(posterior.sample(torch.randn(32, 4))).square().sum()
        + posterior.log_variance.exp().sum()
    )
    loss.backward()  # type: ignore[no-untyped-call]
    for name, parameter in vae.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_codes_do_not_depend_on_the_batch_size() -> None:
    vae, _ = fit(features())
    whole = encode_features(vae, features(), 100)
    parts = encode_features(vae, features(), 7)
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-6)
    assert whole.shape == (100, 4)
    assert whole.dtype == torch.float32


def test_half_precision_features_are_used_as_they_are() -> None:
    vae, _ = fit(features().half())
    assert encode_features(vae, features().half()).isfinite().all()


def test_too_few_features_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one batch of 16 features, got 15"):
        fit(features(15))


def test_a_loss_that_is_no_number_stops_the_training() -> None:
    rows = features()
    rows[3] = float("nan")
    with pytest.raises(ValueError, match="finite loss, got nan in epoch 0"):
        fit(rows)
