"""A small VAE on random features, trained as the job trains it."""

import dataclasses

import torch
from torch import Generator

from submission.config.settings import FitSettings
from submission.training.precision import Precision
from submission.training.seeds import seed_for
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


def assert_same(first: VAETask, second: VAETask) -> None:
    assert first.curves.rows == second.curves.rows
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name]), name


def epoch_order(settings: FitSettings, epoch: int) -> Generator:
    return Generator().manual_seed(seed_for(settings.seed, f"VAE: order of epoch {epoch}"))
