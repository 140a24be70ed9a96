import dataclasses
import os
import signal
from pathlib import Path

import pytest
import torch
from torch import Generator, nn

from submission.config.configuration import load_configuration
from submission.config.settings import FitSettings
from submission.models.vae import VAE, FeatureVAE
from submission.training.curves import Curves
from submission.training.losses import kl_divergence, reconstruction_error
from submission.training.precision import Precision
from submission.training.schedule import annealed_beta
from submission.training.vae.fit import VAEFit, encode_features
from submission.training.vae.network import make_vae
from submission.training.vae.step import VAEStep

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
STAGE1 = dataclasses.replace(
    SMALL,
    sigmoid=False,
    decoder_initialisation="default",
    reduction="sum",
    optimizer="adam",
    first_moment_decay=0.5,
)


def features(num: int = 100) -> torch.Tensor:
    rows = torch.rand(num, 12, generator=Generator().manual_seed(0))
    return rows / rows.square().sum(dim=1, keepdim=True).sqrt()


def fit(rows: torch.Tensor, settings: FitSettings = SMALL) -> tuple[FeatureVAE, Curves]:
    return VAEFit(rows, settings, CPU, SINGLE).run()


def assert_same(first: tuple[FeatureVAE, Curves], second: tuple[FeatureVAE, Curves]) -> None:
    assert first[1].rows == second[1].rows
    for name, value in first[0].state_dict().items():
        assert torch.equal(value, second[0].state_dict()[name]), name


def test_the_released_preset_is_the_authors_network() -> None:
    settings = load_configuration(Path("configs/released.gin")).fit
    with torch.device("meta"):
        vae = make_vae(512, settings)
    widths = [layer.out_features for layer in vae.modules() if isinstance(layer, nn.Linear)]
    assert widths == [4096] + [18, 18] + [4096] * 4 + [512]
    assert (settings.decoder_initialisation, settings.num_epochs) == ("default", 120)
    same = ("batch_size", "reduction", "optimizer", "learning_rate", "sigmoid")
    assert [getattr(settings, name) for name in same] == [256, "mean", "radam", 1e-3, True]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sigmoid", 1),
        ("decoder_initialisation", "he"),
        ("reduction", "none"),
        ("optimizer", "sgd"),
        ("learning_rate", float("inf")),
        ("learning_rate", 0.0),
        ("first_moment_decay", 1.0),
        ("second_moment_decay", -0.1),
        ("beta_end", float("nan")),
        ("anneal_start", -1),
        ("cuda_graph", "yes"),
        ("checkpoint_seconds", -1.0),
    ],
)
def test_settings_out_of_range_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"expected Fit.{name} to be"):
        FitSettings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [SMALL, STAGE1], ids=["paper", "stage1"])
def test_training_is_the_plain_loop(settings: FitSettings) -> None:
    """The same numbers as PyTorch's optimisers and a loop that anybody would write."""
    rows = features()
    generator, noise = (Generator().manual_seed(settings.seed) for _ in range(2))
    vae = make_vae(12, settings, generator).train()
    decays = (settings.first_moment_decay, settings.second_moment_decay)
    kind = torch.optim.RAdam if settings.optimizer == "radam" else torch.optim.Adam
    optimizer = kind(vae.parameters(), settings.learning_rate, decays)
    expected = Curves()
    for epoch in range(settings.num_epochs):
        beta = annealed_beta(epoch, settings.beta_start, settings.beta_end, 0, 2)
        order = torch.randperm(100, generator=generator)
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
    found, curves = fit(rows, settings)
    assert [row[:2] for row in curves.rows] == [row[:2] for row in expected.rows]
    for got, wanted in zip(curves.rows, expected.rows, strict=True):
        assert got[2] == pytest.approx(wanted[2], rel=1e-5), wanted
    for name, value in vae.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", [SMALL, STAGE1], ids=["paper", "stage1"])
def test_gradients_are_those_of_small_differences_and_reach_every_parameter(
    settings: FitSettings,
) -> None:
    vae = make_vae(12, settings, Generator().manual_seed(0)).double().train()
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
    vae, again = (make_vae(12, STAGE1, Generator().manual_seed(0)) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in vae.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    orthogonal = make_vae(12, SMALL, Generator().manual_seed(0))
    for part in ("hidden", "mean", "log_variance"):
        for ours, theirs in zip(
            getattr(vae, part).parameters(), getattr(orthogonal, part).parameters(), strict=True
        ):
            assert torch.equal(ours, theirs)
    torch.manual_seed(STAGE1.seed)
    plain = VAE(12, 4, (32, 32), (32,), sigmoid=False)
    assert isinstance(vae, VAE)
    for ours, theirs in zip(vae.decoder.parameters(), plain.decoder.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert vae.decode(torch.full((2, 4), 100.0).normal_(0, 100)).abs().max() > 1


def test_training_repeats_to_the_last_bit() -> None:
    assert_same(fit(features()), fit(features()))


def test_a_cuda_graph_changes_nothing_without_a_gpu() -> None:
    assert_same(fit(features()), fit(features(), dataclasses.replace(SMALL, cuda_graph=False)))


def test_another_seed_gives_another_network() -> None:
    first, _ = fit(features())
    second, _ = fit(features(), dataclasses.replace(SMALL, seed=1))
    assert isinstance(first, VAE)
    assert isinstance(second, VAE)
    assert not torch.equal(first.mean.weight, second.mean.weight)


def test_training_lowers_the_reconstruction_error() -> None:
    settings = dataclasses.replace(SMALL, num_epochs=30, beta_end=0.01)
    _, curves = fit(features(256), settings)
    errors = [value for _, name, value in curves.rows if name == "reconstruction_error"]
    assert errors[-1] < 0.5 * errors[0]


def kept_fit(folder: Path, settings: FitSettings = SMALL) -> VAEFit:
    made = VAEFit(features(), settings, CPU, SINGLE)
    made.keep_in(folder / "fit.ckpt")
    return made


@pytest.mark.parametrize("settings", [SMALL, STAGE1], ids=["paper", "stage1"])
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_training_ends_with_the_bytes_of_an_undisturbed_one(
    tmp_path: Path, settings: FitSettings, kind: signal.Signals
) -> None:
    done = 0
    for stop_after in (1, 5, 6, 4):  # in the midst of an epoch, at its end, after it
        stopped = kept_fit(tmp_path, settings)
        assert stopped.num_steps_done == done
        taken: list[int] = []

        def advance(num_steps: int, taken: list[int] = taken, last: int = stop_after) -> None:
            taken.append(num_steps)
            if len(taken) == last:
                os.kill(os.getpid(), kind)

        done += stop_after
        place = f"stopped at epoch {done // 6} step {done % 6}; the same command goes on"
        with pytest.raises(InterruptedError, match=place):
            stopped.run(advance)
    resumed = kept_fit(tmp_path, settings)
    assert_same(resumed.run(), fit(features(), settings))
    assert kept_fit(tmp_path, settings).num_steps_done == 18  # nothing is left to do


def test_a_checkpoint_is_written_from_time_to_time(tmp_path: Path) -> None:
    path = tmp_path / "fit.ckpt"
    seen: list[bool] = []
    kept_fit(tmp_path).run(lambda _: seen.append(path.exists()))
    assert not any(seen)  # a minute has not passed
    path.unlink()
    seen.clear()
    often = dataclasses.replace(SMALL, checkpoint_seconds=0.0)
    kept_fit(tmp_path, often).run(lambda _: seen.append(path.exists()))
    assert seen == [False] + [True] * 17
    assert kept_fit(tmp_path).num_steps_done == 18  # how often is no part of the identity


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    kept_fit(tmp_path).run()
    fewer = VAEFit(features()[:99], SMALL, CPU, SINGLE)
    others = VAEFit(features().flip(0), SMALL, CPU, SINGLE)
    bfloat16 = VAEFit(features(), SMALL, CPU, Precision(torch.bfloat16, "test"))
    for refused in (
        lambda: kept_fit(tmp_path, dataclasses.replace(SMALL, seed=1)),
        lambda: fewer.keep_in(tmp_path / "fit.ckpt"),
        lambda: others.keep_in(tmp_path / "fit.ckpt"),
        lambda: bfloat16.keep_in(tmp_path / "fit.ckpt"),
    ):
        with pytest.raises(ValueError, match="other settings or data; delete it") as caught:
            refused()
        assert "\n" not in str(caught.value)


def test_a_loss_that_is_no_number_stops_with_its_batch_and_the_last_good_state(
    tmp_path: Path,
) -> None:
    rows = features()
    rows[3] = float("nan")
    generator = Generator().manual_seed(0)
    make_vae(12, SMALL, generator)
    order = torch.randperm(100, generator=generator)
    batch = int((order == 3).nonzero()) // 16
    assert 0 < batch < 6
    with pytest.raises(
        ValueError, match=f"finite loss, got nan in epoch 0 at batch {batch}; lower"
    ):
        fit(rows)
    often = dataclasses.replace(SMALL, checkpoint_seconds=0.0)
    kept = VAEFit(rows, often, CPU, SINGLE)
    kept.keep_in(tmp_path / "fit.ckpt")
    with pytest.raises(ValueError, match=r"the last good state is in .*fit\.ckpt"):
        kept.run()
    good = VAEFit(rows, often, CPU, SINGLE)
    good.keep_in(tmp_path / "fit.ckpt")
    assert good.num_steps_done == batch
    assert all(value.isfinite().all() for value in good.vae.state_dict().values())


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
