"""Compiling is chosen where it pays, and changes features by rounding only."""

import shutil

import pytest
import torch
from torch import Tensor, nn

from submission.models.extractor import Standardise, unit_vectors
from submission.models.folding import FoldedExtractor
from submission.training import compilation
from submission.training.compilation import compiled, compiling_pays

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def tiny_extractor() -> FoldedExtractor:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1))
    return FoldedExtractor(Standardise(), layers, unit_vectors, torch.float32).eval()


def test_compiling_pays_from_a_number_of_images_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: an image is 4.56 us faster, so that 12 s are saved by 2.63 million images."""
    monkeypatch.setattr(compilation, "_has_compilers", lambda: True)
    assert not compiling_pays(2_620_000, 64, GPU)
    assert compiling_pays(2_640_000, 64, GPU)
    assert not compiling_pays(1_036_800, 64, GPU)
    assert compiling_pays(1_036_800, 224, GPU)
    assert not compiling_pays(10**9, 64, CPU)
    monkeypatch.setattr(compilation, "_has_compilers", lambda: False)
    assert not compiling_pays(10**9, 64, GPU)


def test_compilers_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert not compilation._has_compilers()


@pytest.mark.skipif(not shutil.which("g++"), reason="there is no C++ compiler")
def test_compiled_features_are_the_same_up_to_rounding() -> None:
    extractor = tiny_extractor()
    compute = compiled(extractor, batch_size=4)
    images = torch.rand(6, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        whole, rest = compute(images[:4]), compute(images[4:])
        expected = extractor(images)
    torch.testing.assert_close(whole, expected[:4], rtol=0, atol=1e-6)
    assert torch.equal(rest, extractor(images[4:]))


def test_a_batch_of_another_size_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def fast(images: Tensor) -> Tensor:
        sizes.append(len(images))
        return images

    monkeypatch.setattr(torch, "compile", lambda network, dynamic: fast)
    compute = compiled(nn.Identity(), batch_size=4)
    for size in (4, 4, 2):
        assert len(compute(torch.zeros(size))) == size
    assert sizes == [4, 4]


def test_a_network_that_cannot_be_compiled_is_computed_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from torch._dynamo.exc import TorchDynamoException

    def fast(images: Tensor) -> Tensor:
        raise TorchDynamoException("no compiler\nin many words")

    monkeypatch.setattr(torch, "compile", lambda network, dynamic: fast)
    compute = compiled(nn.Flatten(), batch_size=4)
    for _ in range(2):
        assert compute(torch.zeros(4, 2, 3)).shape == (4, 6)
    assert (
        capsys.readouterr().out == "note: continuing without compiling the network: no compiler\n"
    )
