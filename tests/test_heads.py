import warnings
from typing import Any, cast

import pytest
import torch
from torch import Generator, Tensor

from submission.models.heads import ExpectedValues, Heads
from submission.models.vae import encoder_of
from tests.old_operators import too_new_in

NAMES, SIZES = ("shape", "color"), (3, 6)


def make_heads(scale: float = 4.0) -> Heads:
    torch.manual_seed(0)
    return Heads(NAMES, SIZES, scale)


def features() -> Tensor:
    return torch.randn(5, 512, generator=Generator().manual_seed(1))


def test_logits_are_linear_in_the_scaled_feature() -> None:
    heads = make_heads()
    heads.biases[0][1] = 3.0
    for logits, weight, bias in zip(heads(features()), heads.weights, heads.biases, strict=True):
        torch.testing.assert_close(logits, 4.0 * features() @ weight.T + bias)


def test_probabilities_of_a_factor_sum_to_one() -> None:
    for row, size in zip(make_heads().probabilities(features()), SIZES, strict=True):
        assert row.shape == (5, size)
        torch.testing.assert_close(row.sum(dim=1), torch.ones(5))


def test_a_code_is_the_value_that_the_head_expects() -> None:
    heads = make_heads()
    codes = ExpectedValues(heads)(features())
    for number, logits in enumerate(heads(features())):
        expected = (logits.softmax(dim=1) * torch.arange(SIZES[number])).sum(dim=1)
        torch.testing.assert_close(codes[:, number], expected)


def test_expected_values_are_exported_as_they_are_with_operators_of_torch_1_8() -> None:
    encoder = ExpectedValues(make_heads()).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = cast(Any, torch.jit.trace)(encoder_of(encoder), features())
    torch.testing.assert_close(traced(features()[:2]), encoder(features()[:2]))
    assert too_new_in(traced.inlined_graph) == set()
    assert "Device" not in str(traced.inlined_graph)


def test_large_logits_stay_finite() -> None:
    assert ExpectedValues(make_heads(1e6))(features()).isfinite().all()


def test_loaded_heads_give_the_logits_of_heads_with_another_scale() -> None:
    earlier, heads = make_heads(16.0), Heads(NAMES, SIZES, 0.5)
    earlier.biases[1][2] = -1.0
    heads.load(earlier)
    for logits, expected in zip(heads(features()), earlier(features()), strict=True):
        torch.testing.assert_close(logits, expected)
    heads.biases[1][2] = 0.0
    assert earlier.biases[1][2] == -1.0


@pytest.mark.parametrize(("names", "sizes"), [(("shape",), (3, 6)), ((), ())])
def test_each_factor_needs_a_size(names: tuple[str, ...], sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(.*got \("):
        Heads(names, sizes)
