"""What one step of training the beta-VAE is, and the state that decides all further steps."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from submission.config.settings import FitSettings
from submission.models.vae import FeatureVAE
from submission.models.views import Views
from submission.training.adam import FusedAdam
from submission.training.batches import num_batches
from submission.training.checkpoint import sha256_of_tensor
from submission.training.curves import Curves
from submission.training.loop import Task
from submission.training.precision import Precision
from submission.training.radam import FusedRAdam
from submission.training.schedule import annealed_beta
from submission.training.seeds import seed_for
from submission.training.vae.network import make_vae
from submission.training.vae.step import RecordedStep, VAEStep

__all__ = ["VAETask"]


class VAETask(Task):
    """The training of a beta-VAE for `run_loop`; on a CPU, the arguments decide it to the last bit.

    Args:
        features: (N, D) matrix; a copy of it is moved to a GPU as a whole.
        settings: network, optimisation and schedule.
        device: where to train.
        precision: of the matrix products.
        views: one for each latent; None if all latents see the whole feature.
        curves_folder: receives the curves after each epoch; None to write none.

    Attributes:
        network: the VAE, in training mode.
        curves: per finished epoch, the means over steps of the loss and its two terms per feature
            vector, and beta.

    Raises:
        InputError: if there are fewer features than a batch.

    Example:
        >>> widths = {"encoder_widths": (4,), "decoder_widths": (4,)}
        >>> settings = FitSettings(num_latents=2, batch_size=8, num_epochs=3, **widths)
        >>> precision = Precision(torch.float32, "the example")
        >>> VAETask(torch.rand(20, 6), settings, torch.device("cpu"), precision).num_steps
        6
    """

    network: FeatureVAE
    _optimizer: FusedAdam
    name = "beta-VAE"
    rate_setting = "Fit.learning_rate"

    def __init__(
        self,
        features: Tensor,
        settings: FitSettings,
        device: torch.device,
        precision: Precision,
        views: Views | None = None,
        curves_folder: Path | None = None,
    ) -> None:
        self.settings = settings
        self.steps_per_epoch = num_batches(
            len(features), settings.batch_size, "Fit.batch_size", "features"
        )
        self.num_steps = settings.num_epochs * self.steps_per_epoch
        self.curves = Curves()
        self._curves_folder = curves_folder
        self._device, self._precision = device, precision
        self._given, self._features = features, features.to(device)
        self._noise = Generator(device).manual_seed(seed_for(settings.seed, "VAE: noise"))
        self.network = make_vae(features.shape[1], settings, views).to(device).train()
        self._optimizer = _make_optimizer(self.network, settings)
        self._records = settings.cuda_graph and device.type == "cuda"
        self._step = VAEStep(self.network, precision, settings.reduction)
        self._recorded: RecordedStep | None = None
        self._losses = torch.zeros(self.steps_per_epoch, 3, device=device)
        self._begin_epoch()

    def facts(self) -> dict[str, Any]:
        """Returns the facts beside the settings; it reads all features."""
        sha256 = sha256_of_tensor(self._given.cpu())
        return {
            "features": [*self._given.shape, self._given.dtype, sha256],
            "device": self._device.type,
            "precision": self._precision.dtype,
            "torch": version("torch"),
        }

    def take_step(self) -> Tensor:
        """Takes one step and returns its loss."""
        B, place = self.settings.batch_size, self.steps_done % self.steps_per_epoch
        rows = self._features[self._order[place * B : (place + 1) * B]].float()  # (B, D)
        noise = torch.randn(B, self.network.num_codes, generator=self._noise, device=self._device)
        if self._recorded is None and self._records and self._optimizer.is_settled:
            self._recorded = RecordedStep(self._step, self._optimizer, rows, noise)
        if self._recorded is not None:
            self._losses[place] = self._recorded(rows, noise, self._beta_on_device)
        else:
            self._losses[place] = self._step(rows, noise, self._beta_on_device)
            self._optimizer.step()
        self.steps_done += 1
        loss = self._losses[place, 0].clone()
        if place + 1 == self.steps_per_epoch:
            self._end_epoch()
        return loss

    def state(self) -> dict[str, Any]:
        """Returns what a checkpoint holds."""
        return {
            **super().state(),
            "noise": self._noise.get_state(),
            "losses": self._losses[: self.steps_done % self.steps_per_epoch].clone(),
            "curves": self.curves.rows,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a state that `state` returned."""
        super().restore(state)
        self._recorded = None  # it writes to moments that the optimiser no longer has
        self._begin_epoch()
        self._noise.set_state(state["noise"])
        self._losses[: len(state["losses"])] = state["losses"].to(self._device)
        self.curves = Curves(state["curves"])

    def _begin_epoch(self) -> None:
        s, epoch = self.settings, self.steps_done // self.steps_per_epoch
        order = Generator().manual_seed(seed_for(s.seed, f"VAE: order of epoch {epoch}"))
        self._order = torch.randperm(len(self._features), generator=order).to(self._device)
        self._beta = annealed_beta(epoch, s.beta_start, s.beta_end, s.anneal_start, s.anneal_end)
        self._beta_on_device = torch.tensor(self._beta, device=self._device)

    def _end_epoch(self) -> None:
        names = ("loss", "reconstruction_error", "kl_divergence", "beta")
        means = [*self._losses.double().mean(dim=0).tolist(), self._beta]
        epoch = self.steps_done // self.steps_per_epoch - 1
        self.curves.add(epoch, dict(zip(names, means, strict=True)))
        if self._curves_folder is not None:
            self.curves.write(self._curves_folder)
        self._begin_epoch()


def _make_optimizer(vae: FeatureVAE, settings: FitSettings) -> FusedAdam:
    decays = (settings.first_moment_decay, settings.second_moment_decay)
    kind = FusedRAdam if settings.optimizer == "radam" else FusedAdam
    return kind(vae.parameters(), settings.learning_rate, decays)
