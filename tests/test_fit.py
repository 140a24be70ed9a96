import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from submission.config.configuration import load_configuration
from submission.config.settings import FitSettings
from submission.errors import InputError, Stopped
from submission.models.vae import VAE
from submission.training.checkpoint import CheckpointFile
from submission.training.curves import Curves
from submission.training.loop import run_loop
from submission.training.losses import kl_divergence, reconstruction_error
from submission.training.precision import Precision
from submission.training.schedule import annealed_beta
from submission.training.seeds import seed_for
from submission.training.vae.fit import encode_features, kl_per_latent
from submission.training.vae.network import make_vae
from submission.training.vae.step import VAEStep
from submission.training.vae.task import VAETask

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


def make_task(settings: FitSettings = SMALL) -> VAETask:
    return VAETask(features(), settings, CPU, SINGLE)


def trained(rows: torch.Tensor, settings: FitSettings = SMALL) -> VAETask:
    """Trains to the end, without a checkpoint."""
    task = VAETask(rows, settings, CPU, SINGLE)
    while task.steps_done < task.num_steps:
        task.take_step()
    task.network.eval()
    return task


def checkpoint_of(task: VAETask, folder: Path = Path()) -> CheckpointFile:
    return CheckpointFile(folder / "fit.ckpt", task.settings, task.facts())


def run_with_checkpoint(
    task: VAETask, folder: Path, report: Callable[[float], object] = lambda share: None
) -> VAETask:
    """Trains from the checkpoint in a folder, if there is one, to the end."""
    run_loop(task, checkpoint_of(task, folder), report)
    task.network.eval()
    return task


def assert_same(first: VAETask, second: VAETask) -> None:
    assert first.curves.rows == second.curves.rows
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name]), name


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
    with pytest.raises(InputError, match=rf"Fit\.{name}"):
        FitSettings(**{name: value})  # type: ignore[arg-type]


def epoch_order(settings: FitSettings, epoch: int) -> Generator:
    return Generator().manual_seed(seed_for(settings.seed, f"VAE: order of epoch {epoch}"))


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


@pytest.mark.parametrize("settings", [SMALL, STAGE1], ids=["paper", "stage1"])
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_training_ends_with_the_bytes_of_an_undisturbed_one(
    tmp_path: Path, settings: FitSettings, kind: signal.Signals
) -> None:
    done = 0
    for stop_after in (1, 5, 6, 4):  # in the midst of an epoch, at its end, after it
        taken: list[float] = []

        def report(share: float, taken: list[float] = taken, last: int = stop_after) -> None:
            taken.append(share)
            if len(taken) == last:
                os.kill(os.getpid(), kind)

        done += stop_after
        with pytest.raises(Stopped, match=f"step {done} of 18"):
            run_with_checkpoint(make_task(settings), tmp_path, report)
        assert taken[-1] == pytest.approx(done / 18)
    resumed = run_with_checkpoint(make_task(settings), tmp_path)
    assert_same(resumed, trained(features(), settings))


def test_how_often_checkpoints_are_written_is_no_part_of_the_identity() -> None:
    often = dataclasses.replace(SMALL, checkpoint_seconds=0.0)
    assert checkpoint_of(make_task(often)).identity == checkpoint_of(make_task()).identity


def test_settings_features_and_precision_are_part_of_the_identity() -> None:
    bfloat16 = Precision(torch.bfloat16, "test")
    tasks = [
        make_task(),
        make_task(dataclasses.replace(SMALL, seed=1)),
        VAETask(features()[:99], SMALL, CPU, SINGLE),
        VAETask(features().flip(0), SMALL, CPU, SINGLE),
        VAETask(features().half(), SMALL, CPU, SINGLE),
        VAETask(features(), SMALL, CPU, bfloat16),
    ]
    assert len({checkpoint_of(task).identity for task in tasks}) == len(tasks)


def test_a_loss_that_is_no_number_stops_at_its_step_with_the_last_good_state(
    tmp_path: Path,
) -> None:
    rows = features()
    rows[3] = float("nan")
    order = torch.randperm(100, generator=epoch_order(SMALL, 0))
    batch = int((order == 3).nonzero()) // 16
    assert 0 < batch < 6
    often = dataclasses.replace(SMALL, checkpoint_seconds=0.0)
    message = rf"nan at step {batch + 1} of 18.*Fit\.learning_rate.*fit\.ckpt"
    with pytest.raises(InputError, match=message):
        run_with_checkpoint(VAETask(rows, often, CPU, SINGLE), tmp_path)
    good = VAETask(rows, often, CPU, SINGLE)
    state = checkpoint_of(good, tmp_path).load()
    assert state is not None
    good.restore(state)
    assert good.steps_done == batch
    assert all(value.isfinite().all() for value in good.network.state_dict().values())


def test_curves_that_cannot_be_written_meanwhile_cost_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    task = VAETask(features(), SMALL, CPU, SINGLE, None, tmp_path / "file/training")
    while task.steps_done < task.num_steps:
        task.take_step()
    assert capsys.readouterr().out.count("warning") == 1
    assert_same(task, trained(features()))


def test_codes_do_not_depend_on_the_batch_size() -> None:
    vae = trained(features()).network
    whole = encode_features(vae, features(), 100)
    parts = encode_features(vae, features(), 7)
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


def test_too_few_features_are_refused() -> None:
    with pytest.raises(InputError, match=r"Fit\.batch_size.*15.*16"):
        trained(features(15))
