import pytest
import torch
from torch import nn

from submission.models.extractor import (
    FeatureExtractor,
    make_trunk,
    normalise_rows,
)
from submission.models.folding import fold
from submission.models.growth import grow
from submission.models.heads import Heads
from submission.training.losses import summed_cross_entropy
from tests.extractors import make_extractor


def test_rows_get_unit_length() -> None:
    rows = torch.rand(5, 512, dtype=torch.float64) + 0.1
    torch.testing.assert_close(normalise_rows(rows), nn.functional.normalize(rows))


def test_a_zero_row_stays_zero_with_a_finite_gradient() -> None:
    rows = torch.zeros(2, 4, requires_grad=True)
    normalised = normalise_rows(rows)
    normalised.sum().backward()  # type: ignore[no-untyped-call]
    assert (normalised == 0).all()
    assert rows.grad is not None
    assert rows.grad.isfinite().all()


def test_the_paper_trunk_has_sixteen_convolutions_and_a_two_by_two_map() -> None:
    trunk = make_trunk("vgg19_bn")
    assert sum(isinstance(module, nn.Conv2d) for module in trunk) == 16
    assert trunk(torch.rand(2, 3, 64, 64)).shape == (2, 512, 2, 2)


def test_an_unknown_trunk_is_refused() -> None:
    with pytest.raises(ValueError, match=r"vgg19_bn.*resnet18"):
        make_trunk("resnet18")


def test_features_are_nonnegative_and_of_unit_length() -> None:
    features = make_extractor()(torch.rand(4, 3, 64, 64))
    assert features.shape == (4, 512)
    assert (features >= 0).all()
    torch.testing.assert_close(features.norm(dim=1), torch.ones(4))


def test_the_input_is_left_alone() -> None:
    images = torch.rand(2, 3, 64, 64)
    before = images.clone()
    make_extractor()(images)
    assert torch.equal(images, before)


def test_each_image_is_mapped_by_itself() -> None:
    extractor = make_extractor()
    images = torch.rand(6, 3, 64, 64)
    alone = torch.cat([extractor(image[None]) for image in images])
    torch.testing.assert_close(alone, extractor(images), rtol=0, atol=1e-5)


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    extractor, heads = FeatureExtractor("vgg11_bn").train(), Heads(("a", "b"), (3, 4), scale=16)
    logits = heads(extractor(torch.rand(8, 3, 64, 64)))
    labels = torch.randint(3, (8, 2))
    summed_cross_entropy(logits, labels, [0.0] * len(logits)).backward()  # type: ignore[no-untyped-call]
    for name, parameter in nn.ModuleList([extractor, heads]).named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0 or "trunk" in name, name


@pytest.mark.parametrize("architecture", ["vgg11_bn", "vgg19_bn"])
def test_folding_changes_nothing_but_rounding(architecture: str) -> None:
    extractor = make_extractor(architecture)
    images = torch.rand(8, 3, 64, 64)
    with torch.no_grad():
        expected = extractor(images)
        torch.testing.assert_close(fold(extractor)(images), expected, rtol=0, atol=2e-5)
        torch.testing.assert_close(extractor(images), expected, rtol=0, atol=0)


def test_bfloat16_features_point_the_same_way() -> None:
    extractor = make_extractor("vgg19_bn")
    images = torch.rand(4, 3, 64, 64)
    with torch.no_grad():
        cosine = (fold(extractor, torch.bfloat16)(images) * extractor(images)).sum(dim=1)
    assert cosine.mean() >= 0.999


def test_folding_needs_evaluation_mode() -> None:
    with pytest.raises(ValueError, match="evaluation mode"):
        fold(make_extractor().train())


def test_a_grown_extractor_computes_the_same() -> None:
    shallow = make_extractor("vgg11_bn")
    images = torch.rand(32, 3, 64, 64)
    deep = grow(shallow, "vgg19_bn", images)
    with torch.no_grad():
        torch.testing.assert_close(deep(images), shallow(images), rtol=0, atol=1e-4)


def test_an_extractor_cannot_shrink() -> None:
    with pytest.raises(ValueError, match="at least as deep"):
        grow(make_extractor("vgg13_bn"), "vgg11_bn", torch.rand(4, 3, 64, 64))
