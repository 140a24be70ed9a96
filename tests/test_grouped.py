import pytest
import torch
from torch import Generator, Tensor

from submission.models.grouped import GroupedVAE, views_of_heads

SIZES = (2, 5, 3)
NUM_INPUTS = 12


def heads() -> list[Tensor]:
    generator = Generator().manual_seed(0)
    return [
        torch.randn(size, NUM_INPUTS, generator=generator, dtype=torch.float64) for size in SIZES
    ]


def features(num: int = 200) -> Tensor:
    rows = torch.randn(num, NUM_INPUTS, generator=Generator().manual_seed(1), dtype=torch.float64)
    return torch.nn.functional.normalize(rows)


def make_vae() -> GroupedVAE:
    torch.manual_seed(0)
    return GroupedVAE(len(SIZES), max(SIZES) - 1, (8, 8), (8,)).eval()


def seen(num: int = 200) -> Tensor:
    views: Tensor = views_of_heads(heads(), features())(features(num))
    return views.float()


def test_a_view_has_unit_variance_and_its_first_number_varies_most() -> None:
    views = views_of_heads(heads(), features())
    seen = views(features()).unflatten(1, (len(SIZES), -1))  # (N, G, W)
    torch.testing.assert_close(seen.mean(dim=0), torch.zeros(3, 4, dtype=torch.float64))
    variances = seen.var(dim=0)
    torch.testing.assert_close(variances.sum(dim=1), torch.ones(3, dtype=torch.float64))
    assert (variances.diff(dim=1) <= 1e-12).all()
    assert [int((row > 0).sum()) for row in variances] == [1, 4, 2]


def test_what_all_logits_of_a_head_share_is_not_seen() -> None:
    shifted = [weight + torch.randn(NUM_INPUTS, dtype=torch.float64) for weight in heads()]
    for name, value in views_of_heads(heads(), features()).state_dict().items():
        other = views_of_heads(shifted, features()).state_dict()[name]
        torch.testing.assert_close(value.abs(), other.abs())


def test_a_latent_sees_its_own_view_only() -> None:
    vae = make_vae()
    views = torch.randn(4, len(SIZES) * 4, generator=Generator().manual_seed(2))
    changed = views.clone()
    changed[:, 4:8] += 1.0
    before, after = vae.encode(views), vae.encode(changed)
    for first, second in zip(before, after, strict=True):
        same = first == second
        assert same[:, [0, 2]].all()
        assert not same[:, 1].any()
    codes = torch.randn(4, len(SIZES), generator=Generator().manual_seed(3))
    moved = codes.clone()
    moved[:, 1] += 1.0
    same = vae.decode(codes) == vae.decode(moved)
    assert same[:, [0, 1, 2, 3, 8, 9, 10, 11]].all()
    assert not same[:, 4:8].all()


def test_a_latent_begins_as_the_widest_direction_of_its_view() -> None:
    vae = make_vae()
    torch.nn.init.zeros_(vae.mean.weight)
    assert vae.mean.bias is not None
    torch.nn.init.zeros_(vae.mean.bias)
    torch.testing.assert_close(vae(seen()), seen().unflatten(1, (3, 4))[:, :, 0])


def test_every_parameter_gets_a_gradient() -> None:
    vae = make_vae().train()
    views = seen()
    posterior = vae.encode(views)
    decoded = vae.decode(posterior.sample(torch.randn_like(posterior.mean)))
    ((decoded - views).square().sum() + posterior.log_variance.exp().sum()).backward()
    for name, parameter in vae.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_views_of_a_constant_feature_stay_finite() -> None:
    views = views_of_heads(heads(), features()[:1].expand(5, -1))
    assert views(features()).isfinite().all()


@pytest.mark.parametrize("batch", [1, 7])
def test_the_representation_has_one_latent_per_view(batch: int) -> None:
    vae = make_vae()
    assert vae.num_latents == len(SIZES)
    assert vae(seen(batch)).shape == (batch, len(SIZES))
