"""Trains the beta-VAE on a matrix of features (paper, section 2.3)."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from submission.config.settings import FitSettings
from submission.console import say
from submission.errors import InputError
from submission.models.vae import Encoder, FeatureVAE
from submission.models.views import Views
from submission.training.checkpoint import (
    decisive,
    fingerprint,
    load_checkpoint,
    save_checkpoint,
    sha256_of_tensor,
)
from submission.training.curves import Curves
from submission.training.interruption import stop_requested
from submission.training.precision import Precision
from submission.training.radam import FusedRAdam
from submission.training.schedule import annealed_beta
from submission.training.vae.network import best_copies, make_vae
from submission.training.vae.step import RecordedStep, VAEStep

__all__ = ["VAEFit", "encode_features", "steps_per_epoch"]

STEPS_PER_CHECK = 100
"""Steps between two looks at the losses on a GPU, which waits for it each time."""


def steps_per_epoch(num_features: int, settings: FitSettings) -> int:
    """Counts the whole batches in a number of features; raises ValueError if there is none."""
    if num_features < settings.batch_size:
        raise InputError(
            f"expected at least one batch of {settings.batch_size} features, got "
            f"{num_features}; lower Fit.batch_size or use a larger grid"
        )
    return num_features // settings.batch_size


def _make_optimizer(vae: FeatureVAE, settings: FitSettings) -> torch.optim.Adam:
    decays = (settings.first_moment_decay, settings.second_moment_decay)
    if settings.optimizer == "radam":
        return FusedRAdam(vae.parameters(), settings.learning_rate, decays)
    return torch.optim.Adam(vae.parameters(), settings.learning_rate, decays, fused=True)


class VAEFit:
    """The training of a beta-VAE; on a CPU, settings and features decide it to the last bit.

    Args:
        features: (N, D) matrix, moved to the device as a whole.
        settings: network, optimisation and schedule.
        device: where to train.
        precision: of the matrix products.
        views: one for each latent to see; None for latents that all see the whole feature.

    Raises:
        ValueError: if there are fewer features than a batch.
    """

    def __init__(
        self,
        features: Tensor,
        settings: FitSettings,
        device: torch.device,
        precision: Precision,
        views: Views | None = None,
    ) -> None:
        self.steps_per_epoch = steps_per_epoch(len(features), settings)
        self.settings = settings
        self.epoch = 0
        self.step = 0
        self.curves = Curves()
        self._device, self._precision = device, precision
        self._features = features.to(device)
        self._shuffle = Generator().manual_seed(settings.seed)
        self._noise = Generator(device).manual_seed(settings.seed)
        self.vae = make_vae(features.shape[1], settings, self._shuffle, views).to(device).train()
        self._optimizer = _make_optimizer(self.vae, settings)
        self._gradients: VAEStep | RecordedStep = VAEStep(self.vae, precision, settings.reduction)
        self._recorded = settings.cuda_graph and device.type == "cuda"
        self._losses = torch.zeros(self.steps_per_epoch, 3, device=device)
        self._num_checked = 0
        self._checkpoint: Path | None = None
        self._identity = ""
        self._begin_epoch()

    @property
    def num_steps(self) -> int:
        """Steps of the whole training."""
        return self.settings.num_epochs * self.steps_per_epoch

    @property
    def num_steps_done(self) -> int:
        """Steps that have been taken, those of earlier starts included."""
        return self.epoch * self.steps_per_epoch + self.step

    def keep_in(self, checkpoint: Path) -> None:
        """Goes on from a checkpoint if there is one, and writes it and curves from now on.

        Args:
            checkpoint: file that is read and written.

        Raises:
            ValueError: if the file is damaged or of a run with other settings or features.
        """
        self._identity = fingerprint(
            settings=decisive(self.settings),
            features=[*self._features.shape, self._features.dtype],
            features_sha256=sha256_of_tensor(self._features.cpu()),
            device=self._device.type,
            precision=self._precision.dtype,
        )
        state = load_checkpoint(checkpoint, self._identity)
        self._checkpoint = checkpoint
        if state is not None:
            self._restore(state)
            say(f"going on from epoch {self.epoch} step {self.step} ({checkpoint})")

    def run(
        self, advance: Callable[[int], object] = lambda num_steps: None
    ) -> tuple[FeatureVAE, Curves]:
        """Trains to the end.

        SIGTERM and SIGINT end a training that is kept in a checkpoint after the step it is in.

        Args:
            advance: told the number of finished steps.

        Returns:
            The VAE in evaluation mode, and per epoch the means over steps of the loss, its two
            terms per feature vector, and beta.

        Raises:
            ValueError: if the loss stops being a number.
            InterruptedError: if the process was told to end; the checkpoint has been written.
        """
        saved_at = time.monotonic()
        with stop_requested() if self._checkpoint else nullcontext(_never) as stop:
            while self.epoch < self.settings.num_epochs:
                self.take_step()
                advance(1)
                due = time.monotonic() - saved_at >= self.settings.checkpoint_seconds
                stopped, done = stop(), self.epoch == self.settings.num_epochs
                if self._checkpoint and (due or stopped or done):
                    self._save(self._checkpoint)
                    saved_at = time.monotonic()
                if stopped:
                    raise InterruptedError(
                        f"stopped at epoch {self.epoch} step {self.step}; the same command goes on"
                    )
        return best_copies(self.vae.eval(), self._features, self.settings).requires_grad_(
            requires_grad=False
        ), self.curves

    def take_step(self) -> None:
        """Takes one step, and ends the epoch with its last."""
        B = self.settings.batch_size
        rows = self._features[self._order[self.step * B : (self.step + 1) * B]].float()  # (B, D)
        noise = torch.randn(B, self.vae.num_codes, generator=self._noise, device=self._device)
        if self._recorded and isinstance(self._gradients, VAEStep):
            self._gradients = RecordedStep(self._gradients, rows, noise)
        self._losses[self.step] = self._gradients(rows, noise, self._beta_there)
        self._optimizer.step()
        self.step += 1
        last = self.step == self.steps_per_epoch
        if last or self._device.type == "cpu" or self.step % STEPS_PER_CHECK == 0:
            self._check()
        if last:
            self._end_epoch()

    def _begin_epoch(self) -> None:
        self._shuffled_from = self._shuffle.get_state()
        self._order = torch.randperm(len(self._features), generator=self._shuffle).to(self._device)
        s = self.settings
        self._beta = annealed_beta(
            self.epoch, s.beta_start, s.beta_end, s.anneal_start, s.anneal_end
        )
        self._beta_there = torch.tensor(self._beta, device=self._device)

    def _end_epoch(self) -> None:
        means = self._losses.double().mean(dim=0).tolist()
        names = ("loss", "reconstruction_error", "kl_divergence")
        self.curves.add(self.epoch, {**dict(zip(names, means, strict=True)), "beta": self._beta})
        if self._checkpoint is not None:
            self.curves.write(self._checkpoint.parent)
        self.epoch, self.step, self._num_checked = self.epoch + 1, 0, 0
        self._begin_epoch()

    def _check(self) -> None:
        """Refuses a loss that is no number, naming the first batch that had one."""
        losses = self._losses[self._num_checked : self.step, 0]
        bad = (~losses.isfinite()).nonzero().flatten().tolist()
        if bad:
            value = f"{losses[bad[0]].item()}"
            raise self._diverged("a finite loss", value, self._num_checked + bad[0])
        self._num_checked = self.step

    def _diverged(self, expected: str, got: str, batch: int) -> InputError:
        kept = ""
        if self._checkpoint is not None and self._checkpoint.exists():
            kept = f"; the last good state is in {self._checkpoint}"
        return InputError(
            f"expected {expected}, got {got} in epoch {self.epoch} at batch {batch}{kept}; "
            "lower Fit.learning_rate"
        )

    def _save(self, checkpoint: Path) -> None:
        self._check()
        if not all(value.isfinite().all() for value in self.vae.state_dict().values()):
            raise self._diverged("finite weights", "nan or infinite ones", self.step - 1)
        state = {
            "epoch": self.epoch,
            "step": self.step,
            "shuffle": self._shuffled_from,
            "noise": self._noise.get_state(),
            "vae": self.vae.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "losses": self._losses[: self.step].clone(),
            "curves": self.curves.rows,
        }
        save_checkpoint(checkpoint, self._identity, state)

    def _restore(self, state: dict[str, Any]) -> None:
        self.epoch, self.step = state["epoch"], state["step"]
        self._shuffle.set_state(state["shuffle"])
        self._begin_epoch()
        self._noise.set_state(state["noise"])
        self.vae.load_state_dict(state["vae"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._losses[: self.step] = state["losses"].to(self._device)
        self._num_checked = self.step
        self.curves = Curves(state["curves"])


def _never() -> bool:
    return False


@torch.inference_mode()
def encode_features(encoder: Encoder, features: Tensor, batch_size: int = 8192) -> Tensor:
    """Encodes every feature to its representation.

    Args:
        encoder: in evaluation mode.
        features: (N, D) on any device.
        batch_size: features of a pass.

    Returns:
        (N, C) float32 codes on the CPU.
    """
    device = next(encoder.parameters()).device
    # Filled in place: small results kept between large temporaries would tear the heap apart.
    codes = torch.empty(len(features), encoder.num_latents)
    for start in range(0, len(features), batch_size):
        rows = features[start : start + batch_size]
        codes[start : start + len(rows)] = encoder(rows.to(device).float())
    return codes
