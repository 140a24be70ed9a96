"""Computes one step of the beta-VAE, directly or from a recorded CUDA graph."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from submission.models.vae import FeatureVAE
from submission.training.adam import FusedAdam
from submission.training.losses import beta_vae_loss, kl_divergence, reconstruction_error
from submission.training.precision import Precision

__all__ = ["RecordedStep", "VAEStep", "record_on_gpu"]

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


def record_on_gpu(
    call: Callable[[], Tensor], warm_up: Callable[[], object]
) -> Callable[[], Tensor]:
    """Records what a function launches on the GPU, without computing it.

    Args:
        call: what to record. It returns a tensor.
        warm_up: is called before, on another stream, as PyTorch asks for.

    Returns:
        A function that launches it all at once. It returns the same tensor each time.
    """
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(NUM_WARM_UPS):
            warm_up()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = call()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


class RecordedStep:
    """Replays a whole step, the optimiser's included: one launch instead of one for each operator.

    Args:
        step: computes the gradients. They keep their memory from now on.
        optimizer: of the VAE, settled.
        features: a (B, D) batch on the GPU, of the size of all further ones.
        noise: (B, C) on the GPU.
    """

    def __init__(
        self, step: VAEStep, optimizer: FusedAdam, features: Tensor, noise: Tensor
    ) -> None:
        self._features, self._noise = features.clone(), noise.clone()
        self._beta = torch.zeros((), device=features.device)
        self._optimizer = optimizer
        statistics = [(buffer, buffer.clone()) for buffer in step.vae.buffers()]

        def compute_gradients() -> Tensor:
            return step(self._features, self._noise, self._beta)

        def warm_up() -> None:
            compute_gradients()
            step.vae.zero_grad()

        def take_step() -> Tensor:
            losses = compute_gradients()
            optimizer.update()
            return losses

        self._replay = record_on_gpu(take_step, warm_up)
        for buffer, before in statistics:  # the warm-up has moved the batch norms' averages
            buffer.copy_(before)

    def __call__(self, features: Tensor, noise: Tensor, beta: Tensor) -> Tensor:
        """Takes the step and returns its losses. The next call overwrites them."""
        self._features.copy_(features)
        self._noise.copy_(noise)
        self._beta.copy_(beta)
        self._optimizer.advance()
        return self._replay()
