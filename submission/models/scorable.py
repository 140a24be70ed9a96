"""What the evaluation server can score: a representation is called here as the server calls it."""

from collections.abc import Callable

import torch
from torch import Tensor

from submission.errors import InputError

__all__ = [
    "BATCH_SIZES",
    "REMEDY",
    "check_latents_vary",
    "check_scorable",
    "codes_of",
    "reason_of",
]

Represent = Callable[[Tensor], Tensor]

BATCH_SIZES = (1, 8, 16, 64)
"""Numbers of images that the server's metrics encode at once."""

REMEDY = "export a module that returns the codes alone with utils_pytorch.export_model"

REPEATED = 8
"""How many images are encoded twice, and once contiguous in memory."""

AGREEMENT = 1e-3
"""How far two answers for one image may differ, relative to the largest code."""


def codes_of(represent: Represent, images: Tensor) -> Tensor:
    """Encodes one batch and checks what comes back.

    Args:
        represent: the representation.
        images: (B, 3, 64, 64) float32 in [0, 1].

    Returns:
        (B, C) float32 codes. Codes in float64 are rounded to float32.

    Raises:
        InputError: if the representation fails, or returns something else.

    Example:
        >>> codes_of(lambda images: images.mean(dim=(2, 3)), torch.rand(8, 3, 64, 64)).shape
        torch.Size([8, 3])
    """
    size = len(images)
    try:
        codes = represent(images)
    except Exception as error:  # a module of a user may raise anything
        raise InputError(
            f"expected codes for a batch of {size} images on {images.device}, got: "
            f"{reason_of(error)}; the server sends float32 images in batches of 1, 8, 16 and 64; "
            "write a model for that with utils_pytorch.export_model"
        ) from error
    if not isinstance(codes, Tensor):
        raise InputError(f"expected a tensor of codes, got a {type(codes).__name__}; {REMEDY}")
    if codes.layout != torch.strided or codes.is_nested or codes.is_meta:
        kind = next((k for k in ("nested", "meta") if getattr(codes, f"is_{k}")), codes.layout)
        raise InputError(f"expected a dense tensor of codes, got {kind}; {REMEDY}")
    if codes.ndim != 2 or len(codes) != size or not codes.shape[1]:
        raise InputError(
            f"expected codes of shape ({size}, C) for a batch of {size}, got "
            f"{tuple(codes.shape)}; {REMEDY}"
        )
    if codes.dtype not in (torch.float32, torch.float64):
        raise InputError(
            f"expected float32 codes, got {str(codes.dtype).removeprefix('torch.')}; end the "
            "module with .float(), then call utils_pytorch.export_model"
        )
    return codes.float()


def reason_of(error: Exception) -> str:
    """Takes the sentence that says what failed out of the many lines of PyTorch's message.

    Example:
        >>> reason_of(RuntimeError("RuntimeError: shapes differ"))
        'shapes differ'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if isinstance(error, KeyError):  # its text is the key alone
        return f"KeyError {lines[0]}"
    # A traceback of TorchScript ends with its error; other messages begin with it.
    line = lines[-1] if "TorchScript" in str(error) else lines[0]
    return line.removeprefix("RuntimeError: ")


@torch.no_grad()
def check_scorable(represent: Represent, images: Tensor) -> list[Tensor]:
    """Encodes images in the ways that the server's metrics do, and compares the answers.

    Args:
        represent: the representation.
        images: (64, 3, 64, 64) float32 in [0, 1].

    Returns:
        The codes of the first 1, 8 and 16 images, of the first 8 contiguous in memory, then of all,
        (64, C).

    Raises:
        InputError: if a batch fails, codes are not finite, the images are overwritten, or the code
            of an image depends on chance, on the other images of its batch or on the layout in
            memory.

    Example:
        >>> noisy = lambda images: images.mean(dim=(2, 3)) + torch.rand(len(images), 3)
        >>> check_scorable(noisy, torch.rand(64, 3, 64, 64))
        Traceback (most recent call last):
        submission.errors.InputError: expected the same code each time for an image, got ...
    """
    as_served = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    untouched = as_served.clone()
    codes = codes_of(represent, as_served)
    if not torch.equal(as_served, untouched):
        raise InputError(
            "expected a model that leaves its images as they are, got one that overwrites them; "
            "let it work on images.clone(), or without operations that end in _"
        )
    if not codes.isfinite().all():
        spoilt = (~codes.isfinite()).any(dim=0).nonzero()[:, 0].tolist()
        raise InputError(
            f"expected finite codes, got NaN or infinity in the latents {spoilt}; the server would "
            "read the same, so no score would be valid; mend the model and export it again"
        )
    allowed = AGREEMENT * float(codes.abs().max())

    def compare(some: Tensor, others: Tensor, with_what: str, way_out: str) -> None:
        difference = float((some - others).abs().max())
        if not difference <= allowed:
            raise InputError(
                f"expected the same code each time for an image, got a difference of "
                f"{difference:.3g} {with_what}; {way_out}"
            )

    repeated = codes_of(represent, as_served[:REPEATED])
    compare(
        codes_of(represent, as_served[:REPEATED]),
        repeated,
        "between two calls with the same images",
        "return the mean of the posterior instead of a sample, call eval() before the export",
    )
    batches = [as_served[:size] for size in BATCH_SIZES[:-1]] + [images[:REPEATED].contiguous()]
    answers = [codes_of(represent, batch) for batch in batches]
    for answer in answers:
        compare(
            answer,
            codes[: len(answer)],
            f"in a batch of {len(answer)} images",
            "call eval() before the export, so that batch norms keep their statistics",
        )
    return [*answers, codes]


def check_latents_vary(codes: Tensor) -> None:
    """Refuses codes with too few latents, or with a latent that never changes.

    Args:
        codes: (N, C) of images that differ from each other.

    Raises:
        InputError: naming the latents. The server's IRS can be NaN for a constant latent.

    Example:
        >>> check_latents_vary(torch.tensor([[0.0, 1.0], [0.0, 2.0]]))
        Traceback (most recent call last):
        submission.errors.InputError: ... got one value for all images in the latents [0]; ...
    """
    if codes.shape[1] < 2:
        raise InputError(
            f"expected at least 2 latents, got {codes.shape[1]}; the server's metrics compare "
            "latents with each other"
        )
    constant = (codes.amin(dim=0) == codes.amax(dim=0)).nonzero()[:, 0].tolist()
    if constant:
        raise InputError(
            f"expected latents that vary, got one value for all images in the latents {constant}; "
            "the server's IRS can be NaN for them; leave them out of the model's output"
        )
