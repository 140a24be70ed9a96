"""Scores an exported file as the server's second container does: `python -I evaluator.py ...`.

It runs as a program of its own, imports nothing of the project, and knows only where the exported
file and the images are. disentanglement_lib computes the five metrics through its own sampling,
with its batches of 16 and 64 images, but with few samples. The scores prove that the file can be
scored; they do not say how good it is.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["main"]

NUM_SAMPLES = 128
NUM_VOTES = 8
BINDINGS = """
prune_dims.threshold = 0.05
discretizer.discretizer_fn = @histogram_discretizer
discretizer.num_bins = 20
"""

Represent = Callable[[npt.NDArray[Any]], npt.NDArray[np.floating[Any]]]


def load_representation(path: Path, batch_sizes: set[int]) -> Represent:
    """Loads TorchScript and wraps it as the evaluator does; notes the sizes of the batches.

    Raises:
        SystemExit: with one line, if the file is not TorchScript.
    """
    try:
        model = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise refusal("a TorchScript file", reason_of(error)) from error

    def represent(images: npt.NDArray[Any]) -> npt.NDArray[np.floating[Any]]:
        batch_sizes.add(len(images))
        pixels = torch.from_numpy(np.moveaxis(images, 3, 1)).float()
        wanted = f"codes for {len(images)} images"
        try:
            with torch.no_grad():
                codes = model(pixels)
        except (RuntimeError, ValueError, TypeError, IndexError, torch.jit.Error) as error:
            raise refusal(wanted, reason_of(error)) from error
        if not isinstance(codes, torch.Tensor):
            raise refusal(wanted, f"a {type(codes).__name__}")
        if codes.ndim != 2 or len(codes) != len(images) or codes.shape[1] < 2:
            shape = f"({len(images)}, C), C at least 2"
            raise refusal(f"{wanted} of shape {shape}", str(tuple(codes.shape)))
        if codes.dtype not in (torch.float32, torch.float64):
            raise refusal("float32 codes", str(codes.dtype))
        if not codes.isfinite().all():
            spoilt = (~codes.isfinite()).any(dim=0).nonzero()[:, 0].tolist()
            raise refusal("finite codes", f"NaN or infinity in the latents {spoilt}")
        array: npt.NDArray[np.floating[Any]] = codes.cpu().numpy()
        return array

    return represent


def refusal(expected: str, got: str) -> SystemExit:
    """Makes the error that ends the program with one line."""
    return SystemExit(f"expected {expected}, got {got}")


def reason_of(error: Exception) -> str:
    """Takes the sentence that says what failed out of the many lines of PyTorch's message."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[-1] if "TorchScript" in str(error) else lines[0]


def check_batches(represent: Represent, images: npt.NDArray[np.uint8]) -> float:
    """Compares the codes of 64 images in batches of 64, 16, 8 and 1.

    Returns:
        The largest difference.

    Raises:
        SystemExit: if codes depend on chance or on the batch, or a latent never varies.
    """
    chosen = np.random.RandomState(0).choice(len(images), 64, replace=len(images) < 64)
    pixels = images[np.sort(chosen)] / 255.0
    whole = represent(pixels)
    parts = [
        np.concatenate([represent(pixels[start : start + size]) for start in range(0, 64, size)])
        for size in (64, 16, 8, 1)
    ]
    difference = max(float(np.abs(part - whole).max()) for part in parts)
    if difference > 1e-3 * float(np.abs(whole).max()):
        raise refusal("the same codes each time, in every batch", f"a difference of {difference}")
    constant = np.flatnonzero(whole.min(axis=0) == whole.max(axis=0)).tolist()
    if constant:
        raise refusal("latents that vary", f"one value for all images in the latents {constant}")
    return difference


def score(
    represent: Represent, images: npt.NDArray[np.uint8], sizes: list[int]
) -> dict[str, float]:
    """Computes the five metrics with disentanglement_lib on a grid of factors of these sizes."""
    import gin
    from disentanglement_lib.data.ground_truth import ground_truth_data, util
    from disentanglement_lib.evaluation.metrics import dci, factor_vae, irs, mig, sap_score

    states = util.SplitDiscreteStateSpace(sizes, list(range(len(sizes))))
    strides = np.cumprod([1, *sizes[:0:-1]])[::-1]

    class Grid(ground_truth_data.GroundTruthData):  # type: ignore[misc]
        num_factors = len(sizes)
        factors_num_values = sizes
        observation_shape = (64, 64, 3)

        def sample_factors(self, num: int, random_state: np.random.RandomState) -> Any:
            return states.sample_latent_factors(num, random_state)

        def sample_observations_from_factors(
            self, factors: npt.NDArray[np.int64], random_state: np.random.RandomState
        ) -> npt.NDArray[np.float64]:
            return np.asarray(images[factors @ strides] / 255.0)

    gin.parse_config(BINDINGS)
    given = (Grid(), represent)
    votes = {"num_train": NUM_VOTES, "num_eval": NUM_VOTES // 2, "batch_size": 64}
    rows = {"num_train": NUM_SAMPLES, "batch_size": 16}

    def seed() -> np.random.RandomState:
        return np.random.RandomState(0)

    return {
        "factor_vae": factor_vae.compute_factor_vae(
            *given, seed(), num_variance_estimate=NUM_SAMPLES, **votes
        )["eval_accuracy"],
        "dci": dci.compute_dci(*given, seed(), num_test=NUM_SAMPLES // 2, **rows)[
            "disentanglement"
        ],
        "sap": sap_score.compute_sap(
            *given, seed(), num_test=NUM_SAMPLES // 2, continuous_factors=False, **rows
        )["SAP_score"],
        "irs": irs.compute_irs(*given, seed(), diff_quantile=0.99, **rows)["IRS"],
        "mig": mig.compute_mig(*given, seed(), **rows)["discrete_mig"],
    }


def main(model: str, data: str, result: str) -> None:
    """Writes what was found to the JSON file `result`.

    Args:
        model: the exported file.
        data: an `.npz` file with `images` and `factor_sizes`.
        result: file to write.
    """
    with np.load(data, allow_pickle=False) as archive:
        images, sizes = archive["images"], [int(size) for size in archive["factor_sizes"]]
    sizes = [size for size in sizes if size > 1]  # the metrics are undefined for a constant factor
    batch_sizes: set[int] = set()
    represent = load_representation(Path(model), batch_sizes)
    difference = check_batches(represent, images)
    scores = {
        name: round(float(value), 4) for name, value in score(represent, images, sizes).items()
    }
    found = {
        "num_codes": represent(images[:1] / 255.0).shape[1],
        "batch_sizes": sorted(batch_sizes),
        "largest_difference_between_batches": difference,
        "scores": scores,
    }
    Path(result).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
