import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from submission.config.configuration import load_configuration
from submission.config.settings import FitSettings
from submission.models.vae import VAE
from submission.training.curves import Curves
from submission.training.losses import kl_divergence, reconstruction_error
from submission.training.precision import Precision
from submission.training.schedule import annealed_beta
from submission.training.seeds import seed_for
from submission.training.vae.fit import encode_features, kl_per_latent
from submission.training.vae.network import make_vae
from submission.training.vae.step import VAEStep
from tests.vae_training import (
    SMALL,
    STAGE1,
    assert_same,
    epoch_order,
    features,
    make_task,
    trained,
)


def test_the_released_preset_is_the_authors_network() -> None:
    settings = load_configuration(Path("configs/released.gin")).fit
    with torch.device("meta"):
        vae = make_vae(512, settings)
    widths = [layer.out_features for layer in vae.modules() if isinstance(layer, nn.Linear)]
    assert widths == [4096] + [18, 18] + [4096] * 4 + [512]
    assert (settings.decoder_initialisation, settings.num_epochs) == ("default", 120)
    same = ("batch_size", "reduction", "optimizer", "learning_rate", "sigmoid")
    assert [getattr(settings, name) for name in same] == [256, "mean", "radam", 1e-3, True]


@pytest.mark.parametrize("settings", [SMALL, STAGE1], ids=["paper", "stage1"])
def test_training_is_the_plain_loop(settings: FitSettings) -> None:
    """The same numbers as PyTorch's optimisers and a loop that anybody would write."""
    rows = features()
    noise = Generator().manual_seed(seed_for(settings.seed, "VAE: noise"))
    vae = make_vae(12, settings).train()
    decays = (settings.first_moment_decay, settings.second_moment_decay)
    kind = torch.optim.RAdam if settings.optimizer == "radam" else torch.optim.Adam
    optimizer = kind(vae.parameters(), settings.learning_rate, decays)
    expected = Curves()
    for epoch in range(settings.num_epochs):
        beta = annealed_beta(epoch, settings.beta_start, settings.beta_end, 0, 2)
        order = torch.randperm(100, generator=epoch_order(settings, epoch))
        losses = []
        for batch in order[:96].view(6, 16):
            posterior = vae.encode(rows[batch])
            decoded = vae.decode(posterior.sample(torch.randn(16, 4, generator=noise)))
            error = reconstruction_error(decoded, rows[batch])
            divergence = kl_divergence(*posterior)
            loss = error + beta * divergence / 4
            loss = 16 * loss if settings.reduction == "sum" else loss
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append([loss.item(), error.item(), divergence.item()])
        means = torch.tensor(losses).mean(dim=0).tolist()
        names = ("loss", "reconstruction_error", "kl_divergence")
        expected.add(epoch, {**dict(zip(names, means, strict=True)), "beta": beta})
    task = trained(rows, settings)
    assert [row[:2] for row in task.curves.rows] == [row[:2] for row in expected.rows]
    for got, wanted in zip(task.curves.rows, expected.rows, strict=True):
        assert got[2] == pytest.approx(wanted[2], rel=1e-5), wanted
    found = task.network.state_dict()
    for name, value in vae.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", [SMALL, STAGE1], ids=["paper", "stage1"])
def test_gradients_are_those_of_small_differences_and_reach_every_parameter(
    settings: FitSettings,
) -> None:
    vae = make_vae(12, settings).double().train()
    step = VAEStep(vae, Precision(torch.float64, "test"), settings.reduction)
    rows = features(16).double()
    noise = torch.randn(16, 4, dtype=torch.float64, generator=Generator().manual_seed(1))
    beta = torch.tensor(0.3, dtype=torch.float64)
    step(rows, noise, beta)
    gradients = {
        name: value.grad.clone() for name, value in vae.named_parameters() if value.grad is not None
    }
    assert set(gradients) == {name for name, _ in vae.named_parameters()}
    for name, parameter in vae.named_parameters():
        gradient = gradients[name].flatten()
        place = int(gradient.abs().argmax())
        assert gradient[place] != 0, name
        entries = parameter.detach().view(-1)
        middle, losses = entries[place].item(), []
        for shift in (-1e-6, 1e-6):
            entries[place] = middle + shift
            losses.append(step(rows, noise, beta)[0].item())
        entries[place] = middle
        slope = (losses[1] - losses[0]) / 2e-6
        assert slope == pytest.approx(gradient[place].item(), rel=1e-4), name


def test_the_decoder_can_start_as_pytorch_makes_it() -> None:
    state = torch.get_rng_state()
    vae, again = (make_vae(12, STAGE1) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in vae.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    orthogonal = make_vae(12, SMALL)
    for part in ("hidden", "mean", "log_variance"):
        for ours, theirs in zip(
            getattr(vae, part).parameters(), getattr(orthogonal, part).parameters(), strict=True
        ):
            assert torch.equal(ours, theirs)
    torch.manual_seed(seed_for(STAGE1.seed, "VAE: initial weights"))
    plain = VAE(12, 4, (32, 32), (32,), sigmoid=False)
    assert isinstance(vae, VAE)
    for ours, theirs in zip(vae.decoder.parameters(), plain.decoder.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert vae.decode(torch.tensor([[1.0, 2.0, -1.0, 0.5], [-3.0, 0.1, 0.7, 2.0]])).min() < 0


def test_noise_order_and_initial_weights_share_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """One seed for several generators made the first noise equal to the initial weights."""
    streams: list[Tensor] = []
    orthogonal, randn = nn.init.orthogonal_, torch.randn

    def record_numbers(generator: Generator, count: int) -> None:
        same = Generator()
        same.set_state(generator.get_state())
        streams.append(randn(count, generator=same))

    def spy(weight: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
        record_numbers(generator or torch.default_generator, weight.numel())
        return orthogonal(weight, gain, generator)

    monkeypatch.setattr(nn.init, "orthogonal_", spy)
    wide = dataclasses.replace(SMALL, encoder_widths=(512, 512))
    task = make_task(wide)
    num_weights = len(streams)
    record_numbers(task._noise, 4096)
    record_numbers(epoch_order(wide, 0), 4096)
    assert num_weights > 3
    for number, stream in enumerate(streams):
        for other in streams[max(number + 1, num_weights) :]:
            shared = torch.isin(other, stream).double().mean()
            assert shared < 0.1  # float32 has so few numbers that some meet by chance


def test_training_repeats_to_the_last_bit() -> None:
    assert_same(trained(features()), trained(features()))


def test_another_seed_gives_another_network() -> None:
    first = trained(features()).network
    second = trained(features(), dataclasses.replace(SMALL, seed=1)).network
    assert isinstance(first, VAE)
    assert isinstance(second, VAE)
    assert not torch.equal(first.mean.weight, second.mean.weight)


def test_training_lowers_the_reconstruction_error() -> None:
    settings = dataclasses.replace(SMALL, num_epochs=30, beta_end=0.01)
    curves = trained(features(256), settings).curves
    errors = [value for _, name, value in curves.rows if name == "reconstruction_error"]
    assert errors[-1] < 0.5 * errors[0]


def test_codes_do_not_depend_on_the_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    vae = trained(features()).network
    whole = encode_features(vae, features())
    monkeypatch.setattr("submission.training.vae.fit.ROWS_PER_PASS", 7)
    parts = encode_features(vae, features())
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-6)
    assert whole.shape == (100, 4)
    assert whole.dtype == torch.float32


def test_half_precision_features_are_used_as_they_are() -> None:
    vae = trained(features().half()).network
    assert encode_features(vae, features().half()).isfinite().all()


def test_the_divergence_of_each_latent_adds_up_to_that_of_the_code() -> None:
    vae = trained(features()).network
    found = kl_per_latent(vae, features())
    assert len(found) == 4
    with torch.no_grad():
        whole = kl_divergence(*vae.encode(features()))
    assert sum(found) == pytest.approx(whole.item(), rel=1e-5)
