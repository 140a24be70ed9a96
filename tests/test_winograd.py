import pytest
import torch
from torch.nn import functional as F

from submission.models.winograd import convolve_by_tiles
from tests.convolving import assert_convolves


@pytest.mark.parametrize("size", [(4, 4), (8, 8), (8, 12)], ids=str)
@pytest.mark.parametrize("has_bias", [False, True])
def test_tiles_give_the_convolution_and_its_derivatives(
    size: tuple[int, int], *, has_bias: bool
) -> None:
    assert_convolves(convolve_by_tiles, size, kernel=3, padding=1, has_bias=has_bias)


def test_only_the_derivatives_that_are_asked_for_are_computed() -> None:
    maps, weight = torch.rand(2, 3, 4, 4), torch.rand(5, 3, 3, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(convolve_by_tiles(maps, weight, None).sum(), weight)
    (expected,) = torch.autograd.grad(F.conv2d(maps, weight, padding=1).sum(), weight)
    torch.testing.assert_close(slope, expected, rtol=1e-4, atol=1e-4)


def test_results_are_in_channels_last_layout_and_inputs_stay() -> None:
    maps = torch.rand(2, 3, 8, 8).to(memory_format=torch.channels_last).requires_grad_()
    weight = torch.rand(5, 3, 3, 3)
    before = maps.detach().clone(), weight.clone()
    tiled = convolve_by_tiles(maps, weight, None)
    assert tiled.is_contiguous(memory_format=torch.channels_last)
    (slope,) = torch.autograd.grad(tiled.sum(), maps)
    assert slope.shape == maps.shape
    assert torch.equal(maps, before[0])
    assert torch.equal(weight, before[1])


def test_float32_rounds_as_much_as_the_way_of_tiles_must() -> None:
    torch.manual_seed(0)
    maps, weight = torch.randn(4, 256, 8, 8), torch.randn(256, 256, 3, 3) / 48  # values of size 1
    exact = F.conv2d(maps.double(), weight.double(), padding=1)
    error = (convolve_by_tiles(maps, weight, None) - exact).abs()
    assert error.mean() < 2e-6
    assert error.max() < 5e-5
