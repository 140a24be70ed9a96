"""Speed of feature extraction: ours and plain eager float32. `python -m benchmarks.features`."""

import torch

from benchmarks.options import prepared
from benchmarks.pairs import compare
from benchmarks.random_batches import random_images
from submission.models.extractor import FeatureExtractor
from submission.models.folding import fold
from submission.training.devices import one_device
from submission.training.features.extract import extract_features
from submission.training.precision import choose_device


def main() -> None:
    """Times both ways on random images and prints the cosine between their features."""
    arguments = prepared(__doc__, images=512, batch_size=256)
    extractor = FeatureExtractor("vgg19_bn")
    with torch.no_grad():
        extractor(torch.rand(32, 3, 64, 64))
    extractor.eval().requires_grad_(requires_grad=False)
    devices = one_device(choose_device(cuda=None))
    device, precision = devices.device, devices.precision
    folded = fold(extractor, precision.dtype)
    images = random_images(arguments.images)
    extractor.to(device)

    def ours() -> None:
        extract_features(folded, images, devices, arguments.batch_size)

    @torch.inference_mode()
    def rival() -> None:
        for start in range(0, len(images), arguments.batch_size):
            batch = torch.from_numpy(images[start : start + arguments.batch_size])
            extractor(batch.permute(0, 3, 1, 2).to(device).float().div(255).contiguous())

    compare(
        f"features of {len(images)} images, VGG19-BN, {device}, {torch.get_num_threads()} threads",
        (f"ours: folded, channels last, {precision.dtype}", ours),
        ("rival: plain eager float32", rival),
        len(images),
        "images",
    )
    first = extract_features(folded, images[:256], devices)
    second = extract_features(fold(extractor.cpu()), images[:256], devices)
    cosine = (first * second).sum(dim=1).mean().item()
    print(f"  mean cosine between the features: {cosine:.6f}")


if __name__ == "__main__":
    main()
