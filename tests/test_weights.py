import json
from pathlib import Path

import pytest
import torch

from submission.models.extractor import FeatureExtractor
from submission.models.weights import card_path, load_extractor, save_extractor


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "extractor.safetensors"
    save_extractor(FeatureExtractor("vgg11_bn"), path, {"data": "none"})
    return path


def test_weights_come_back_within_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    extractor = FeatureExtractor("vgg11_bn").eval()
    path = tmp_path / "extractor.safetensors"
    save_extractor(extractor, path, {})
    loaded = load_extractor(path)
    assert not loaded.training
    assert loaded.architecture == "vgg11_bn"
    for name, value in extractor.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=1e-3, atol=1e-7)


def test_the_card_names_the_hash(saved: Path) -> None:
    card = json.loads(card_path(saved).read_text())
    assert card["data"] == "none"
    assert len(card["sha256"]) == 64


def test_a_missing_file_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="finetune"):
        load_extractor(tmp_path / "extractor.safetensors")


def test_a_missing_card_is_refused(saved: Path) -> None:
    card_path(saved).unlink()
    with pytest.raises(FileNotFoundError, match="card"):
        load_extractor(saved)


def test_a_changed_file_is_refused(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(ValueError, match="sha256"):
        load_extractor(saved)


def claim(path: Path) -> None:
    """Makes the card claim the file as it is."""
    from submission.files import sha256_of

    card_path(path).write_text(json.dumps({"sha256": sha256_of(path)}))


def test_a_file_of_another_kind_is_refused(saved: Path) -> None:
    saved.write_bytes(b"not safetensors at all")
    claim(saved)
    with pytest.raises(ValueError, match="safetensors"):
        load_extractor(saved)


def test_tensors_of_another_network_are_refused(saved: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3)}, saved, metadata={"architecture": "vgg11_bn"})
    claim(saved)
    with pytest.raises(ValueError, match="tensors of a vgg11_bn extractor"):
        load_extractor(saved)
