"""Exports the representation as TorchScript; the only user of `torch.jit`."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from submission.errors import InputError, MissingFileError
from submission.files import replacing
from submission.models.folding import FoldedExtractor
from submission.models.vae import Encoder, encoder_of

__all__ = ["Representation", "export", "load_exported"]

TOLERANCE = 1e-5
BATCH_SIZES = (1, 8, 16, 64)


@contextmanager
def _without_deprecations() -> Iterator[None]:
    """Keeps PyTorch's word to itself that TorchScript is old; the server asks for just that."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit", DeprecationWarning)
        warnings.filterwarnings("ignore", r"`torch\.jit", FutureWarning)
        yield


class Representation(nn.Module):
    """Maps images to the codes of their features.

    Args:
        extractor: frozen, in float32.
        encoder: trained; of a VAE only what gives the posterior means takes part.
    """

    def __init__(self, extractor: FoldedExtractor, encoder: Encoder) -> None:
        super().__init__()
        self.extractor = extractor
        self.encoder = encoder_of(encoder)

    def forward(self, images: Tensor) -> Tensor:
        """Maps (B, 3, 64, 64) RGB in [0, 1] to (B, C) codes."""
        codes: Tensor = self.encoder(self.extractor(images))
        return codes


def export(representation: nn.Module, images: Tensor, path: Path) -> None:
    """Writes the representation for the evaluation server and checks what was written.

    The file is read back and compared with the network on batches of 1, 8, 16 and 64 images, laid
    out as the evaluator lays them out too.

    Args:
        representation: the network; it is put on the CPU and into evaluation mode. A script
            module is written as it is.
        images: (64, 3, 64, 64) float32 in [0, 1], to trace and compare with.
        path: file to write.

    Raises:
        ValueError: if the written file computes something else.
        OSError: if the file cannot be written.
    """
    representation = representation.cpu().float().eval()
    images = images.cpu().contiguous()
    with torch.no_grad(), _without_deprecations():
        traced = representation
        if not isinstance(traced, torch.jit.ScriptModule):
            traced = torch.jit.trace(representation, images[:8])  # type: ignore[no-untyped-call]
        # Saved to a path, the bytes would name it, and the temporary name is a new one each time.
        written = io.BytesIO()
        torch.jit.save(traced, written)
        with replacing(path) as beside:
            beside.write_bytes(written.getbuffer())
            _compare(load_exported(beside), representation, images)


def load_exported(path: Path) -> Callable[[Tensor], Tensor]:
    """Loads an exported representation onto the CPU.

    Args:
        path: a TorchScript file.

    Returns:
        The function from (B, 3, 64, 64) float32 in [0, 1] to (B, C) codes.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: if it is not TorchScript.
    """
    if not path.is_file():
        raise MissingFileError(
            f"expected an exported representation at {path}; train_pytorch.py makes it"
        )
    try:
        with _without_deprecations():
            loaded = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise InputError(f"expected a TorchScript file at {path}, got {error}") from error
    function: Callable[[Tensor], Tensor] = loaded.eval()
    return function


def _compare(written: Callable[[Tensor], Tensor], network: nn.Module, images: Tensor) -> None:
    strided = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    for layout in (images, strided):
        for size in BATCH_SIZES:
            expected, got = network(layout[:size]), written(layout[:size])
            difference = float((expected - got).abs().max())
            if got.shape != expected.shape or not difference <= TOLERANCE:
                raise InputError(
                    f"expected the exported file to differ by at most {TOLERANCE} from the "
                    f"network, got {difference} on a batch of {size}"
                )
