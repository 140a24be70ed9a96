"""Computes the gradients of one step of the beta-VAE, directly or from a recorded CUDA graph."""

from dataclasses import dataclass

import torch
from torch import Tensor

from submission.models.vae import FeatureVAE
from submission.training.losses import beta_vae_loss, kl_divergence, reconstruction_error
from submission.training.precision import Precision

__all__ = ["RecordedStep", "VAEStep"]

NUM_WARM_UPS = 3


@dataclass(frozen=True)
class VAEStep:
    """Computes loss and gradients on a batch.

    Attributes:
        vae: in training mode; its gradients are replaced.
        precision: of the matrix products; losses are computed in float32.
        reduction: "mean" or "sum" over the batch.

    Example:
        >>> from submission.models.vae import VAE
        >>> vae = VAE(num_inputs=6, num_latents=2, encoder_widths=(4,), decoder_widths=(4,))
        >>> step = VAEStep(vae, Precision(torch.float32, "the example"))
        >>> loss, error, divergence = step(torch.rand(5, 6), torch.randn(5, 2), torch.tensor(0.4))
        >>> torch.allclose(loss, error + 0.4 * divergence / 2)
        True
    """

    vae: FeatureVAE
    precision: Precision
    reduction: str = "mean"

    def __call__(self, features: Tensor, noise: Tensor, beta: Tensor) -> Tensor:
        """Returns loss, reconstruction error and KL divergence; the last two per feature vector.

        All three are means over copies of the latents.

        Args:
            features: (B, D) float32.
            noise: (B, R * C) standard Gaussian.
            beta: scalar, weight of the KL term.

        Returns:
            (3,) without gradient.
        """
        with self.precision.autocast(features.device):
            posterior = self.vae.encode(features)
            decoded = self.vae.decode(posterior.sample(noise))
        error = reconstruction_error(decoded.to(features.dtype), self.vae.target(features))
        divergence = kl_divergence(
            posterior.mean.to(features.dtype), posterior.log_variance.to(features.dtype)
        )
        error, divergence = error / self.vae.num_copies, divergence / self.vae.num_copies
        loss = beta_vae_loss(
            error,
            divergence,
            beta,
            self.vae.num_latents,
            self.reduction,
            batch_size=len(features),
        )
        self.vae.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        return torch.stack([loss, error, divergence]).detach()


class RecordedStep:
    """Replays a step from a CUDA graph: one launch instead of one for each operator.

    Args:
        step: what to record. Its VAE's gradients keep their memory from now on.
        features: a (B, D) batch on the GPU, of the size of all further ones.
        noise: (B, C) on the GPU.
    """

    def __init__(self, step: VAEStep, features: Tensor, noise: Tensor) -> None:
        self._features, self._noise = features.clone(), noise.clone()
        self._beta = torch.zeros((), device=features.device)
        statistics = [(buffer, buffer.clone()) for buffer in step.vae.buffers()]
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(NUM_WARM_UPS):
                step(self._features, self._noise, self._beta)
        torch.cuda.current_stream().wait_stream(stream)
        step.vae.zero_grad()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._losses = step(self._features, self._noise, self._beta)
        for buffer, before in statistics:  # the warm-up has moved the batch norms' averages
            buffer.copy_(before)

    def __call__(self, features: Tensor, noise: Tensor, beta: Tensor) -> Tensor:
        """Does what the recorded step does. The next call overwrites what it returns."""
        self._features.copy_(features)
        self._noise.copy_(noise)
        self._beta.copy_(beta)
        self._graph.replay()
        return self._losses
