import pytest

from submission.models.small_maps import convolve_by_product
from tests.convolving import assert_convolves


@pytest.mark.parametrize(
    ("size", "kernel", "padding", "has_bias"),
    [((4, 4), 3, 1, True), ((2, 3), 3, 1, False), ((2, 2), 2, 0, False), ((2, 2), 1, 0, True)],
)
def test_a_product_gives_the_convolution_and_its_derivatives(
    size: tuple[int, int], kernel: int, padding: int, has_bias: bool
) -> None:
    assert_convolves(
        lambda maps, weight, bias: convolve_by_product(maps, weight, bias, padding),
        size,
        kernel,
        padding,
        has_bias=has_bias,
    )
