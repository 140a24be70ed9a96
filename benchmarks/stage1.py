"""Speed of stage 1's extractor, on 224x224 images, beside that of the finetuned extractor.

`python -m benchmarks.stage1`; the weights are random, which changes no time.
"""

import torch

from benchmarks.options import prepared
from benchmarks.pairs import compare
from benchmarks.random_batches import random_images
from submission.models.extractor import Extractor, FeatureExtractor
from submission.models.folding import FoldedExtractor, fold
from submission.models.rmac import INPUT_SIZE, rmac
from submission.training.devices import one_device
from submission.training.features.extract import extract_features
from submission.training.precision import choose_device


def main() -> None:
    """Times both on the same random images."""
    arguments = prepared(__doc__, images=64)
    devices = one_device(choose_device(cuda=None))
    small = fold(FeatureExtractor().eval(), devices.precision.dtype)
    large = fold(Extractor("vgg19_bn", rmac, INPUT_SIZE).eval(), devices.precision.dtype)
    images = random_images(arguments.images)

    def run(extractor: FoldedExtractor, batch_size: int) -> None:
        extract_features(extractor, images, devices, batch_size)

    compare(
        f"features of {len(images)} images, VGG19-BN, {devices.precision.dtype}, "
        f"{devices.device}, {torch.get_num_threads()} threads",
        ("finetuned: 64x64", lambda: run(small, 256)),
        ("stage 1: 224x224 and R-MAC", lambda: run(large, 32)),
        len(images),
        "images",
        num_runs=3,
    )


if __name__ == "__main__":
    main()
