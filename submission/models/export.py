"""Exports the representation as TorchScript; the only user of `torch.jit`."""

import io
import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from submission.errors import InputError, MissingFileError
from submission.files import replacing
from submission.models.folding import FoldedExtractor
from submission.models.scorable import (
    REMEDY,
    check_latents_vary,
    check_scorable,
    reason_of,
)
from submission.models.vae import Encoder, encoder_of

__all__ = ["Representation", "export", "load_exported"]

TOLERANCE = 1e-5
"""How far the written file may be from the network, relative to codes above 1."""

LOAD_ERRORS = (RuntimeError, ValueError, TypeError, IndexError, torch.jit.Error)
"""What TorchScript raises on a file that is damaged or of another kind."""

CPU = torch.device("cpu")


@contextmanager
def _without_deprecations() -> Iterator[None]:
    """Hides PyTorch's warnings that TorchScript is deprecated; the server asks for TorchScript."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit", DeprecationWarning)
        warnings.filterwarnings("ignore", r"`torch\.jit", FutureWarning)
        yield


class Representation(nn.Module):
    """Maps images to the codes of their features.

    Args:
        extractor: frozen, in float32.
        encoder: trained; of a VAE only the part that gives the posterior means is used.
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

    The written file is read back, called as the server calls it and compared with the network.

    Args:
        representation: the network; it is put on the CPU and into evaluation mode. A script
            module is written as it is.
        images: (64, 3, 64, 64) float32 in [0, 1] that differ from each other.
        path: file to write.

    Raises:
        InputError: if the server could not score the network, a latent has one value for all
            images, or the written file computes something else.
        OutputError: if the file cannot be written.

    Example:
        >>> import tempfile
        >>> model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())  # codes are mean colours
        >>> images = torch.rand(64, 3, 64, 64)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export(model, images, Path(folder, "model.pt"))
        ...     codes = load_exported(Path(folder, "model.pt"))(images)
        >>> torch.allclose(codes, images.mean(dim=(2, 3)))
        True
    """
    representation = representation.cpu().eval()
    images = images.cpu().contiguous()
    with torch.no_grad(), _without_deprecations():
        expected = check_scorable(representation, images)
        check_latents_vary(expected[-1])
        # Saved to a path, the bytes would name it, and the temporary name is a new one each time.
        written = io.BytesIO()
        torch.jit.save(_script_of(representation, images[:8]), written)
        with replacing(path, written.getbuffer().nbytes) as beside:
            beside.write_bytes(written.getbuffer())
            _compare(check_scorable(load_exported(beside), images), expected)


def _script_of(representation: nn.Module, images: Tensor) -> torch.jit.ScriptModule:
    if isinstance(representation, torch.jit.ScriptModule):
        return representation
    try:
        # The comparison of the written file with the network replaces the tracer's own check.
        traced = torch.jit.trace(representation, images, check_trace=False)  # type: ignore[no-untyped-call]
    except Exception as error:  # a module of a user may raise anything
        raise InputError(
            f"expected a module that torch.jit.trace can follow, got: {reason_of(error)}; "
            f"{REMEDY}, or give it torch.jit.script(module)"
        ) from error
    assert isinstance(traced, torch.jit.ScriptModule)
    return traced


def _compare(written: list[Tensor], expected: list[Tensor]) -> None:
    """Compares what `check_scorable` returned of the written file and of the network."""
    allowed = TOLERANCE * max(1.0, float(expected[-1].abs().max()))
    for ours, theirs in zip(written, expected, strict=True):
        difference = float((ours - theirs).abs().max()) if ours.shape == theirs.shape else math.inf
        if not difference <= allowed:
            raise InputError(
                f"expected the exported file to differ by at most {allowed:g} from the "
                f"network, got {difference:g} on a batch of {len(theirs)}; a traced module must "
                "compute the same for all batches: give torch.jit.script(module) instead"
            )


def load_exported(path: Path, device: torch.device = CPU) -> nn.Module:
    """Loads an exported representation, in evaluation mode.

    Returns:
        The module that maps (B, 3, 64, 64) float32 in [0, 1] to (B, C) codes.

    Raises:
        MissingFileError: if there is no file.
        InputError: if it is not TorchScript.
    """
    if not path.is_file():
        raise MissingFileError(
            f"expected an exported representation at {path}, got no file; train_pytorch.py makes it"
        )
    try:
        with _without_deprecations():
            loaded = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]
    except LOAD_ERRORS as error:
        raise InputError(
            f"expected a TorchScript file at {path}, got {_kind_of(path) or reason_of(error)}; "
            "write it with utils_pytorch.export_model"
        ) from error
    assert isinstance(loaded, nn.Module)
    return loaded.eval()


def _kind_of(path: Path) -> str:
    """Says what a file is that is not TorchScript; nothing if it looks like TorchScript."""
    with path.open("rb") as file:
        start = file.read(64).lstrip()
    if not start:
        return "an empty file"
    if start.startswith(b"<"):
        return "an HTML page"
    if not zipfile.is_zipfile(path):
        return "a file that is cut short" if start.startswith(b"PK") else "a file of another kind"
    with zipfile.ZipFile(path) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    if "constants.pkl" in names:
        return ""
    return "a state_dict or pickled module of torch.save" if "data.pkl" in names else "a zip file"
