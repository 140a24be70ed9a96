import pytest
import torch
from torch import Tensor, nn

from submission.models.convolutions import FastConvolutions
from submission.models.extractor import FeatureExtractor


def ways(layer: nn.Conv2d, maps: Tensor, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns which ways the context takes for a convolution, as the names of their functions."""
    calls: list[str] = []
    for name in ("convolve_by_product", "convolve_by_tiles"):

        def record(*arguments: Tensor, name: str = name) -> Tensor:
            calls.append(name)
            return torch.zeros(())

        monkeypatch.setattr(f"submission.models.convolutions.{name}", record)
    with FastConvolutions():
        layer(maps)
    taken = list(calls)
    layer(maps)
    assert calls == taken
    return taken


@pytest.mark.parametrize(
    ("layer", "size", "by_product"),
    [
        (nn.Conv2d(3, 4, 3, padding=1), 4, True),
        (nn.Conv2d(3, 4, 3, padding=1), 5, False),
        (nn.Conv2d(3, 4, 3, padding=2), 4, False),
        (nn.Conv2d(3, 4, 3, padding="same"), 4, False),
        (nn.Conv2d(3, 4, 1, stride=2), 4, False),
        (nn.Conv2d(3, 3, 3, padding=1, groups=3), 4, False),
        (nn.Conv2d(3, 4, 2, dilation=2), 4, False),
    ],
    ids=str,
)
def test_only_plain_convolutions_of_small_maps_become_products(
    layer: nn.Conv2d, size: int, by_product: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = ways(layer, torch.rand(2, 3, size, size), monkeypatch)
    assert taken == ["convolve_by_product"] * by_product


WIDE = nn.Conv2d(128, 128, 3, padding=1)


@pytest.mark.parametrize(
    ("layer", "size", "has_slopes", "by_tiles"),
    [
        (WIDE, 4, True, True),
        (WIDE, 16, False, True),
        (WIDE, 32, True, True),
        (WIDE, 32, False, False),
        (WIDE, 64, True, False),
        (WIDE, 10, True, False),
        (nn.Conv2d(128, 64, 3, padding=1), 8, True, False),
        (nn.Conv2d(64, 128, 3, padding=1), 8, True, False),
        (nn.Conv2d(128, 128, 3, padding=0), 8, True, False),
        (nn.Conv2d(128, 128, 1), 8, True, False),
        (nn.Conv2d(128, 128, 3, padding=1, stride=2), 8, True, False),
        (nn.Conv2d(128, 128, 3, padding=1, padding_mode="reflect"), 8, True, False),
    ],
    ids=str,
)
def test_wide_convolutions_go_by_tiles_where_that_is_faster(
    layer: nn.Conv2d, size: int, has_slopes: bool, by_tiles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.set_grad_enabled(has_slopes):
        taken = ways(layer, torch.rand(1, layer.in_channels, size, size), monkeypatch)
    assert taken == ["convolve_by_tiles"] * by_tiles


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64], ids=str)
def test_another_number_format_does_not_go_by_tiles(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = nn.Conv2d(128, 128, 3, padding=1).to(dtype)
    assert ways(layer, torch.rand(1, 128, 8, 8, dtype=dtype), monkeypatch) == []


def test_mixed_precision_does_not_go_by_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert ways(WIDE, torch.rand(1, 128, 8, 8), monkeypatch) == []


def test_a_padding_mode_stays_the_layers_own() -> None:
    layer = nn.Conv2d(128, 128, 3, padding=1, padding_mode="reflect")
    maps = torch.rand(2, 128, 8, 8)
    with FastConvolutions():
        result = layer(maps)
    torch.testing.assert_close(result, layer(maps), rtol=0, atol=1e-5)


def test_an_extractor_computes_the_same_and_learns_the_same() -> None:
    torch.manual_seed(0)
    extractor = FeatureExtractor("vgg11_bn").eval()
    images = torch.rand(4, 3, 64, 64)
    weights = [weight for weight in extractor.parameters() if weight.dim() == 4]

    def features_and_slopes() -> tuple[Tensor, ...]:
        features = extractor(images)
        return (features, *torch.autograd.grad(features[:, :7].sum(), weights))

    expected = features_and_slopes()
    with FastConvolutions():
        results = features_and_slopes()
    torch.testing.assert_close(results[0], expected[0], rtol=0, atol=2e-5)
    for result, slope in zip(results[1:], expected[1:], strict=True):
        assert (result - slope).norm() < 0.02 * slope.norm()
