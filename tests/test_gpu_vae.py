"""The beta-VAE's steps on a GPU are those of the CPU, recorded or not; skipped without a GPU."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from submission.config.settings import FitSettings
from submission.models.vae import FeatureVAE
from submission.training.adam import FusedAdam
from submission.training.checkpoint import CheckpointFile
from submission.training.curves import Curves
from submission.training.loop import run_loop
from submission.training.precision import Precision
from submission.training.radam import FusedRAdam
from submission.training.vae.network import make_vae
from submission.training.vae.step import VAEStep, record_on_gpu
from submission.training.vae.task import VAETask
from tests.vae_training import SINGLE, SMALL, STAGE1, features

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

CPU, GPU = torch.device("cpu"), torch.device("cuda")
NEVER_RECTIFIED = dataclasses.replace(SMALL, second_moment_decay=0.5)


@pytest.mark.parametrize(
    ("kind", "second_decay"), [(FusedRAdam, 0.999), (FusedRAdam, 0.5), (FusedAdam, 0.999)]
)
def test_recorded_steps_of_the_optimiser_are_those_of_the_cpu(
    kind: type[FusedAdam], second_decay: float
) -> None:
    generator = Generator().manual_seed(0)
    here, there = (nn.Parameter(torch.zeros(1000, device=device)) for device in (CPU, GPU))
    optimizers = [kind([each], 1e-3, (0.9, second_decay)) for each in (here, there)]
    gradient_there, replay = torch.zeros(1000, device=GPU), None

    def update() -> Tensor:
        optimizers[1].update()
        return there

    for step in range(50):
        gradient = torch.randn(1000, generator=generator) * 10.0 ** (step % 9 - 8)
        gradient_there.copy_(gradient)
        here.grad, there.grad = gradient, gradient_there
        optimizers[0].step()
        if replay is None and optimizers[1].is_settled:
            replay = record_on_gpu(update, lambda: None)
        if replay is None:
            optimizers[1].step()
        else:
            optimizers[1].advance()
            replay()
        torch.testing.assert_close(there.cpu(), here, rtol=1e-4, atol=1e-7)
    assert replay is not None
    assert optimizers[1].state_dict()["state"][0]["step"].item() == 50


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_step_of_the_vae_is_that_of_the_cpu(dtype: torch.dtype) -> None:
    rows, noise = features(64), torch.randn(64, 4, generator=Generator().manual_seed(1))
    beta, gradients, losses = torch.tensor(0.3), [], []
    for device, precision in ((CPU, SINGLE), (GPU, Precision(dtype, "test"))):
        vae = make_vae(12, SMALL).to(device).train()
        step = VAEStep(vae, precision)
        losses.append(step(rows.to(device), noise.to(device), beta.to(device)).cpu())
        gradients.append([value.grad.cpu() for value in vae.parameters() if value.grad is not None])
    tolerance = 1e-4 if dtype == torch.float32 else 0.15
    torch.testing.assert_close(losses[1], losses[0], rtol=tolerance / 10, atol=0)
    for there, here in zip(gradients[1], gradients[0], strict=True):
        assert (there - here).norm() <= tolerance * here.norm() + 1e-6


def fit(settings: FitSettings, rows: Tensor, checkpoint: Path) -> tuple[FeatureVAE, Curves]:
    task = VAETask(rows, settings, GPU, SINGLE)
    run_loop(task, CheckpointFile(checkpoint, settings, {}))
    return task.network, task.curves


@pytest.mark.parametrize("settings", [SMALL, STAGE1, NEVER_RECTIFIED])
def test_a_recorded_step_trains_as_a_computed_one(settings: FitSettings, tmp_path: Path) -> None:
    plain, plain_curves = fit(
        dataclasses.replace(settings, cuda_graph=False), features(), tmp_path / "False.ckpt"
    )
    recorded, curves = fit(
        dataclasses.replace(settings, cuda_graph=True), features(), tmp_path / "True.ckpt"
    )
    for (*place, value), (*other, computed) in zip(curves.rows, plain_curves.rows, strict=True):
        assert place == other
        assert value == pytest.approx(computed, rel=1e-4)
    for name, tensor in recorded.state_dict().items():
        torch.testing.assert_close(tensor, plain.state_dict()[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("settings", [SMALL, STAGE1])
@pytest.mark.parametrize("recorded", [False, True])
def test_a_training_that_stops_goes_on_as_if_it_had_not(
    settings: FitSettings, recorded: bool, tmp_path: Path
) -> None:
    settings = dataclasses.replace(settings, cuda_graph=recorded, checkpoint_seconds=0)
    whole, whole_curves = fit(settings, features(), tmp_path / "whole.ckpt")
    begun = VAETask(features(), settings, GPU, SINGLE)
    file = CheckpointFile(tmp_path / "fit.ckpt", settings, {})

    def stop(share: float) -> None:
        if begun.steps_done == 8:
            raise RuntimeError("the eighth step")

    with pytest.raises(RuntimeError, match="the eighth step"):
        run_loop(begun, file, stop)
    resumed, curves = fit(settings, features(), tmp_path / "fit.ckpt")
    for (*place, value), (*other, expected) in zip(curves.rows, whole_curves.rows, strict=True):
        assert place == other
        assert value == pytest.approx(expected, rel=1e-4)
    for name, tensor in resumed.state_dict().items():
        torch.testing.assert_close(tensor, whole.state_dict()[name], rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_a_recorded_step_does_not_wait_for_the_gpu() -> None:
    task = VAETask(features(1000), SMALL, GPU, SINGLE)
    for _ in range(7):
        task.take_step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        task.take_step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
