import torch
from torch import Generator

from submission.models.extractor import FactorHeads
from submission.models.head_codes import HeadCodes

SIZES = (3, 6)


def test_a_code_is_the_value_that_the_head_expects() -> None:
    torch.manual_seed(0)
    heads = FactorHeads(SIZES, scale=4.0)
    rows = torch.randn(5, 512, generator=Generator().manual_seed(1))
    codes = HeadCodes(heads.keep(("shape", "color")))(rows)
    for number, logits in enumerate(heads(rows)):
        expected = (logits.softmax(dim=1) * torch.arange(SIZES[number])).sum(dim=1)
        torch.testing.assert_close(codes[:, number], expected)


def test_large_logits_stay_finite() -> None:
    torch.manual_seed(0)
    codes = HeadCodes(FactorHeads(SIZES, scale=1e6).keep(("shape", "color")))
    rows = torch.randn(5, 512, generator=Generator().manual_seed(1))
    assert codes(rows).isfinite().all()
    assert codes.num_latents == 2
