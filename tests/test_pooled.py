from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from submission.models.extractor import FeatureExtractor
from submission.models.frozen import load_extractor
from submission.models.pooled import average_pool, max_pool, random_extractor
from submission.models.weights import save_extractor


def maps() -> Tensor:
    return torch.rand(2, 3, 2, 2, generator=Generator().manual_seed(0))


def test_pools_are_unit_length_means_and_maxima() -> None:
    for pool, reduce in ((average_pool, torch.mean), (max_pool, torch.amax)):
        expected = reduce(maps().flatten(2), 2)
        expected = expected / expected.norm(dim=1, keepdim=True)
        torch.testing.assert_close(pool(maps()), expected)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    save_extractor(FeatureExtractor("vgg11_bn").eval(), folder / "small.safetensors", {})
    return folder


@pytest.mark.parametrize("kind", ["average", "max", "rmac"])
def test_a_pooled_extractor_has_the_finetuned_trunk(folder: Path, kind: str) -> None:
    finetuned, _, _, digest = load_extractor("finetuned", "small.safetensors", folder)
    pooled, _, _, same = load_extractor(kind, "small.safetensors", folder)
    assert digest == same
    images = torch.rand(2, 3, 64, 64, generator=Generator().manual_seed(1))
    with torch.no_grad():
        maps = finetuned.trunk(finetuned.standardise(images))
        torch.testing.assert_close(pooled(images), pooled.pool(maps), rtol=0, atol=1e-4)
    assert pooled(images).norm(dim=1).allclose(torch.ones(2))
    assert not pooled.training


def test_without_the_norm_features_keep_their_direction(folder: Path) -> None:
    finetuned = load_extractor("finetuned", "small.safetensors", folder).extractor
    plain = load_extractor("unnormalised", "small.safetensors", folder).extractor
    images = torch.rand(2, 3, 64, 64, generator=Generator().manual_seed(1))
    with torch.no_grad():
        vectors = plain(images)
        expected = torch.nn.functional.normalize(vectors)
        torch.testing.assert_close(finetuned(images), expected, rtol=0, atol=1e-4)
    assert (vectors.norm(dim=1) - 1).abs().min() > 1e-3


def test_a_random_trunk_is_the_same_each_time() -> None:
    state = torch.get_rng_state()
    first, second = (random_extractor("average") for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(state, torch.get_rng_state())


def test_the_learned_aggregation_has_no_random_weights(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Extract\.weights .*got 'random'.*finetune"):
        load_extractor("finetuned", "random", tmp_path)
