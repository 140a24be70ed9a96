import numpy as np
import pytest
import torch
from torch import nn

from submission.training.adapt.norms import reestimate_norms
from submission.training.batches import to_unit_range
from tests.test_extractor import make_extractor

CPU = torch.device("cpu")


def images(seed: int = 1, scale: int = 40) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Makes images far darker than those that the extractor knows."""
    return np.random.default_rng(seed).integers(0, scale, (48, 64, 64, 3), dtype=np.uint8)


def first_norm(extractor: nn.Module) -> nn.BatchNorm2d:
    return next(layer for layer in extractor.modules() if isinstance(layer, nn.BatchNorm2d))


def test_statistics_become_those_of_the_new_images_and_weights_stay() -> None:
    extractor = make_extractor()
    before = {name: value.clone() for name, value in extractor.state_dict().items()}
    adapted = reestimate_norms(extractor, images(), 48, 48, 0, CPU)
    pixels = to_unit_range(torch.from_numpy(images()), CPU)
    activations = adapted.trunk[0](adapted.standardise(pixels))
    norm = first_norm(adapted)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    torch.testing.assert_close(
        norm.running_mean, activations.mean(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        norm.running_var, activations.var(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5
    )
    for name, value in adapted.state_dict().items():
        changes = "running" in name or "num_batches" in name
        assert torch.equal(value, before[name]) != changes, name
    assert not adapted.training
    assert norm.momentum == 0.1


def test_adaptation_repeats_and_the_seed_decides_which_images_are_seen() -> None:
    def means(seed: int) -> torch.Tensor:
        adapted = reestimate_norms(make_extractor(), images(), 16, 8, seed, CPU)
        running = first_norm(adapted).running_mean
        assert running is not None
        return running

    assert torch.equal(means(0), means(0))
    assert not torch.equal(means(0), means(1))


def test_less_than_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 64 images to adapt to, got 48"):
        reestimate_norms(make_extractor(), images(), 4096, 64, 0, CPU)
