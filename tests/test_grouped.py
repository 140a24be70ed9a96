import pytest
import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from submission.config.settings import FitSettings
from submission.models.extractor import FEATURE_SIZE
from submission.models.grouped import GroupedVAE
from submission.models.heads import Heads
from submission.models.vae import encoder_of
from submission.models.views import Views, views_of_heads
from submission.training.vae.network import best_copies, copy_losses

SIZES = (2, 5, 3)
NUM_INPUTS = 12


def heads(dtype: torch.dtype = torch.float64, shift: float = 0.0) -> Heads:
    """Makes heads whose logits all have the same added to them."""
    generator = Generator().manual_seed(0)
    weights = [torch.randn(n, NUM_INPUTS, generator=generator, dtype=dtype) for n in SIZES]
    shared = shift * torch.randn(NUM_INPUTS, generator=generator, dtype=dtype)
    return with_weights(("size", "ring", "height"), [weight + shared for weight in weights])


def with_weights(names: tuple[str, ...], weights: list[Tensor]) -> Heads:
    """Makes heads that look at the first numbers of a feature only."""
    heads = Heads(names, [len(weight) for weight in weights]).to(weights[0].dtype)
    for own, weight in zip(heads.weights, weights, strict=True):
        own.copy_(widened(weight))
    return heads


def widened(rows: Tensor) -> Tensor:
    """Adds zeros to rows of 12 numbers, up to the 512 of a feature."""
    return pad(rows, (0, FEATURE_SIZE - NUM_INPUTS))


def features(num: int = 200) -> Tensor:
    rows = torch.randn(num, NUM_INPUTS, generator=Generator().manual_seed(1), dtype=torch.float64)
    return widened(torch.nn.functional.normalize(rows))


def make_vae(num_copies: int = 1) -> GroupedVAE:
    torch.manual_seed(0)
    views = views_of_heads(heads(torch.float32), features().float(), "separate")
    return GroupedVAE(views, (8, 8), (8,), num_copies).eval()


def trained_a_little(num_copies: int = 1) -> GroupedVAE:
    """Makes a network whose batch norms and weights are no longer those of the start."""
    vae = make_vae(num_copies).train()
    optimizer = torch.optim.Adam(vae.parameters(), 0.01)
    for _ in range(3):
        posterior = vae.encode(features().float())
        decoded = vae.decode(posterior.sample(torch.randn_like(posterior.mean)))
        optimizer.zero_grad()
        error = (decoded - vae.target(features().float())).square().sum()
        error.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return vae.eval()


def test_a_view_has_unit_variance_and_its_first_number_varies_most() -> None:
    views = views_of_heads(heads(), features(), "plain")
    seen = views(features()).reshape(-1, len(SIZES), 4)  # (N, G, W)
    torch.testing.assert_close(seen.mean(dim=0), torch.zeros(3, 4, dtype=torch.float64))
    variances = seen.var(dim=0)
    torch.testing.assert_close(variances.sum(dim=1), torch.ones(3, dtype=torch.float64))
    assert (variances.diff(dim=1) <= 1e-12).all()
    assert [int((row > 0).sum()) for row in variances] == [1, 4, 2]


@pytest.mark.parametrize("kind", ["unit", "separate"])
def test_a_view_of_several_numbers_has_unit_length(kind: str) -> None:
    seen = views_of_heads(heads(), features(), kind)(features()).reshape(-1, len(SIZES), 4)
    lengths = seen.norm(dim=2)
    torch.testing.assert_close(lengths[:, 1:], torch.ones(200, 2, dtype=torch.float64))
    assert lengths[:, 0].std() > 0.1
    torch.testing.assert_close(seen[:, 0].var(dim=0).sum(), torch.ones((), dtype=torch.float64))


def mixed() -> tuple[Heads, Tensor, Tensor]:
    """Makes heads that see a little of each other's factor, features, and their (N, 2) values."""
    generator = Generator().manual_seed(0)
    values = torch.cartesian_prod(torch.arange(2), torch.arange(5)).repeat(200, 1)
    weights = [torch.randn(n, 12, generator=generator, dtype=torch.float64) for n in (2, 5)]
    dual = torch.linalg.pinv(torch.cat([w - w.mean(dim=0) for w in weights])).T  # (7, 12)
    one_hot = torch.cat([torch.eye(2)[values[:, 0]], torch.eye(5)[values[:, 1]]], dim=1).double()
    seen = one_hot @ (torch.eye(7) + 0.1 * torch.randn(7, 7, generator=generator)).double()
    noise = 0.05 * torch.randn(len(values), 12, generator=generator, dtype=torch.float64)
    return with_weights(("size", "ring"), weights), widened(seen @ dual + noise), values


def share_of_other_factor(kind: str) -> list[float]:
    """Gives for each view the part of its variance that the other factor decides."""
    given, rows, values = mixed()
    seen = views_of_heads(given, rows, kind)(rows).reshape(len(rows), 2, 4)
    parts = []
    for number in range(2):
        other = values[:, 1 - number]
        means = torch.stack([seen[other == v, number].mean(dim=0) for v in range(5 - 3 * number)])
        parts.append(float(means.var(dim=0, correction=0).sum() / seen[:, number].var(dim=0).sum()))
    return parts


def test_separate_views_do_not_see_each_others_factor() -> None:
    plain, separate = share_of_other_factor("plain"), share_of_other_factor("separate")
    assert all(part > 0.02 for part in plain)
    assert all(part < 0.1 * mixed_part for part, mixed_part in zip(separate, plain, strict=True))


def test_what_all_logits_of_a_head_share_is_not_seen() -> None:
    for name, value in views_of_heads(heads(), features(), "separate").state_dict().items():
        other = views_of_heads(heads(shift=1.0), features(), "separate").state_dict()[name]
        torch.testing.assert_close(value.double().abs(), other.double().abs())


def test_a_latent_sees_its_own_view_only() -> None:
    vae = make_vae()
    rows = features(4).float()
    before = vae.encode(rows)
    with torch.no_grad():
        torch.as_tensor(vae.views.offset)[4:8] += 1.0  # the second view moves
    after = vae.encode(rows)
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
    with torch.no_grad():
        for parameter in vae.residual_mean.parameters():
            parameter.zero_()
    rows = features().float()
    seen = vae.target(rows).reshape(len(rows), len(SIZES), -1)
    torch.testing.assert_close(vae(rows), seen[:, :, 0])


def test_the_encoder_alone_gives_the_representation() -> None:
    vae = trained_a_little()
    rows = features().float()
    torch.testing.assert_close(encoder_of(vae)(rows), vae(rows), rtol=0, atol=1e-5)
    layers = {type(layer) for layer in encoder_of(vae).modules() if not list(layer.children())}
    assert layers == {Views, torch.nn.Linear, torch.nn.ReLU}


def test_copies_begin_apart_and_do_not_mix() -> None:
    vae = make_vae(num_copies=3)
    rows = features(4).float()
    mean, log_variance = vae.encode(rows)
    assert mean.shape == log_variance.shape == (4, 3 * len(SIZES))
    assert not torch.equal(mean[:, :3], mean[:, 3:6])
    codes = torch.randn(4, 9, generator=Generator().manual_seed(3))
    moved = codes.clone()
    moved[:, 4] += 1.0  # the second copy of the second latent
    changed = (vae.decode(codes) != vae.decode(moved)).any(dim=0)
    assert changed.nonzero().flatten().tolist() == [16, 17, 18, 19]


def test_the_kept_copies_compute_what_they_computed_among_the_others() -> None:
    vae = trained_a_little(num_copies=3)
    rows = features().float()
    chosen = torch.tensor([2, 0, 1])
    kept = vae.keep(chosen)
    expected = vae.encode(rows)
    for among_others, alone in zip(expected, kept.encode(rows), strict=True):
        columns = (chosen * len(SIZES) + torch.arange(len(SIZES))).tolist()
        torch.testing.assert_close(alone, among_others[:, columns])
    assert (kept.num_copies, kept.training) == (1, False)


def test_the_losses_of_copies_are_those_of_the_copies_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("submission.training.vae.network.ROWS_PER_PASS", 200)
    vae = trained_a_little(num_copies=2)
    rows = features().float()
    losses = copy_losses(vae, rows, 0.3, Generator().manual_seed(5))
    noise = torch.randn(len(rows), 6, generator=Generator().manual_seed(5))
    for copy in range(2):
        alone = vae.keep(torch.full((3,), copy))
        mean, log_variance = posterior = alone.encode(rows)
        decoded = alone.decode(posterior.sample(noise[:, 3 * copy : 3 * copy + 3]))
        errors = (decoded - alone.target(rows)).square().view(len(rows), 3, -1).sum(dim=2)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        torch.testing.assert_close(losses[copy], (errors + 0.3 / 3 * kl).mean(dim=0))


def test_the_losses_are_told_by_factor(capsys: pytest.CaptureFixture[str]) -> None:
    vae = trained_a_little(num_copies=2)
    assert isinstance(kept := best_copies(vae, features(), FitSettings()), GroupedVAE)
    assert kept.num_copies == 1
    lines = capsys.readouterr().out.splitlines()[-3:]
    assert [line.split()[0] for line in lines] == ["size", "ring", "height"]
    for _, *losses in map(str.split, lines):
        assert losses == sorted(losses, key=float)
        assert len(losses) == 2


def test_a_representation_has_one_copy_of_each_latent() -> None:
    with pytest.raises(ValueError, match=r"copy.*2"):
        encoder_of(make_vae(num_copies=2))


def test_every_parameter_gets_a_gradient() -> None:
    vae = make_vae().train()
    rows = features().float()
    posterior = vae.encode(rows)
    decoded = vae.decode(posterior.sample(torch.randn_like(posterior.mean)))
    loss: Tensor = (decoded - vae.target(rows)).square().sum()
    (loss + posterior.log_variance.exp().sum()).backward()  # type: ignore[no-untyped-call]
    for name, parameter in vae.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_views_of_a_constant_feature_stay_finite() -> None:
    views = views_of_heads(heads(), features()[:1].expand(5, -1), "separate")
    assert views(features()).isfinite().all()


@pytest.mark.parametrize("batch", [1, 7])
def test_the_representation_has_one_latent_per_view(batch: int) -> None:
    vae = make_vae()
    assert vae.num_latents == len(SIZES)
    assert vae(features(batch).float()).shape == (batch, len(SIZES))
