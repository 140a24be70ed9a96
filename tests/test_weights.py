import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from submission.files import sha256_of
from submission.models.extractor import FeatureExtractor
from submission.models.frozen import load_extractor, require_heads
from submission.models.heads import Heads
from submission.models.weights import card_path, load_weights, save_extractor

LARGEST = 65504.0
"""The largest number of float16."""


def make_extractor() -> FeatureExtractor:
    torch.manual_seed(0)
    return FeatureExtractor("vgg11_bn").eval()


def make_heads() -> Heads:
    torch.manual_seed(1)
    return Heads(("object_color", "object_size"), (3, 2), 16.0)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "extractor.safetensors"
    save_extractor(make_extractor(), path, {"data": "none"})
    return path


def test_the_files_have_the_permissions_of_any_other(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


def test_weights_come_back_within_half_precision(saved: Path) -> None:
    extractor, heads, sha256 = load_weights(saved)
    assert heads is None
    assert sha256 == sha256_of(saved)
    assert not extractor.training
    assert not any(parameter.requires_grad for parameter in extractor.parameters())
    assert extractor.architecture == "vgg11_bn"
    for name, value in make_extractor().state_dict().items():
        torch.testing.assert_close(extractor.state_dict()[name], value, rtol=1e-3, atol=1e-7)


def test_heads_are_kept_beside_the_extractor_on_demand(tmp_path: Path) -> None:
    extractor, heads = make_extractor(), make_heads()
    path = tmp_path / "with_heads.safetensors"
    save_extractor(extractor, path, {}, heads)
    again, loaded, _ = load_weights(path)
    assert loaded is not None
    assert (loaded.names, loaded.sizes, loaded.scale) == (heads.names, heads.sizes, 16.0)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    features = torch.randn(4, 512)
    for logits, expected in zip(loaded(features), heads(features), strict=True):
        torch.testing.assert_close(logits, expected, rtol=1e-2, atol=1e-1)
    assert set(again.state_dict()) == set(extractor.state_dict())


def test_heads_that_are_not_there_are_missed_with_a_way_out(saved: Path) -> None:
    frozen = load_extractor("finetuned", saved.name, saved.parent)
    with pytest.raises(ValueError, match=rf"{saved.name}.*Fit\.latents='shared'"):
        require_heads(frozen)


def test_the_weights_file_is_read_once(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []

    def record(path: Path) -> str:
        hashed.append(path)
        return sha256_of(path)

    monkeypatch.setattr("submission.models.weights.sha256_of", record)
    load_extractor("finetuned", saved.name, saved.parent)
    assert hashed == [saved]


def test_the_card_names_the_hash(saved: Path) -> None:
    card = json.loads(card_path(saved).read_text())
    assert card["data"] == "none"
    assert card["sha256"] == sha256_of(saved)


def test_numbers_beyond_the_range_of_float16_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "extractor.safetensors"
    extractor, heads = make_extractor(), make_heads()
    variance = extractor.state_dict()["trunk.1.running_var"]
    variance[0], variance[1] = 1e6, 1e-9
    extractor.state_dict()["aggregation.1.weight"][0, 0] = -2 * LARGEST
    heads.weights[1][0, 0] = 2 * LARGEST
    heads.biases[0][1] = -2 * LARGEST
    save_extractor(extractor, path, {}, heads)
    loaded, loaded_heads, _ = load_weights(path)
    assert loaded_heads is not None
    again = loaded.state_dict()["trunk.1.running_var"]
    assert torch.equal(again, variance)
    assert loaded.state_dict()["aggregation.1.weight"][0, 0] == -2 * LARGEST
    assert loaded_heads.weights[1][0, 0] == 2 * LARGEST
    assert loaded_heads.biases[0][1] == -2 * LARGEST


def test_all_that_float16_can_hold_is_stored_in_it(saved: Path) -> None:
    stored = load_file(saved)
    assert {value.dtype for value in stored.values()} == {torch.float16, torch.int64}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["trunk.1.running_var", "heads.object_size.bias"])
def test_what_is_not_finite_is_refused_before_anything_is_written(
    tmp_path: Path, name: str, value: float
) -> None:
    extractor, heads = make_extractor(), make_heads()
    spoilt = heads.biases[1] if name.startswith("heads") else extractor.state_dict()[name]
    spoilt[0] = value
    with pytest.raises(ValueError, match=rf"{name}.*Finetune\.learning_rate"):
        save_extractor(extractor, tmp_path / "extractor.safetensors", {}, heads)
    assert not list(tmp_path.iterdir())


def test_a_missing_file_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"extractor\.safetensors.*finetune"):
        load_weights(tmp_path / "extractor.safetensors")


def test_a_missing_card_is_refused(saved: Path) -> None:
    card_path(saved).unlink()
    with pytest.raises(FileNotFoundError, match=r"extractor\.json.*finetune"):
        load_weights(saved)


def test_a_changed_file_is_refused(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(ValueError, match=rf"sha256.*{sha256_of(saved)}"):
        load_weights(saved)


def claim(path: Path) -> None:
    """Makes the card claim the file as it is."""
    card_path(path).write_text(json.dumps({"sha256": sha256_of(path)}))


def test_a_file_of_another_kind_is_refused(saved: Path) -> None:
    saved.write_bytes(b"not safetensors at all")
    claim(saved)
    with pytest.raises(ValueError, match=rf"safetensors.*{saved.name}"):
        load_weights(saved)


@pytest.mark.parametrize(
    ("metadata", "tensors"),
    [
        ({"architecture": "vgg11_bn"}, {"weight": torch.zeros(3)}),
        ({"architecture": "resnet18"}, {}),
    ],
)
def test_tensors_of_another_network_are_refused(
    saved: Path, metadata: dict[str, str], tensors: dict[str, torch.Tensor]
) -> None:
    save_file(tensors, saved, metadata=metadata)
    claim(saved)
    with pytest.raises(ValueError, match=metadata["architecture"]) as caught:
        load_weights(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("metadata", "heads"),
    [
        ({"factors": '["size"]'}, {}),
        ({"factors": "[]"}, {}),
        ({"factors": "3"}, {}),
        ({"factors": "no JSON"}, {}),
        ({"factors": '["size"]', "head_scale": "much"}, {"weight": (2, 512), "bias": (2,)}),
        ({"factors": '["size"]'}, {"weight": (2, 7), "bias": (2,)}),
        ({"factors": '["size"]'}, {"weight": (2, 512), "bias": ()}),
    ],
)
def test_heads_that_do_not_fit_are_refused(
    saved: Path, metadata: dict[str, str], heads: dict[str, tuple[int, ...]]
) -> None:
    tensors = {f"heads.size.{part}": torch.zeros(shape) for part, shape in heads.items()}
    metadata = {"architecture": "vgg11_bn", **metadata}
    save_file({**load_file(saved), **tensors}, saved, metadata=metadata)
    claim(saved)
    with pytest.raises(ValueError, match=saved.name) as caught:
        load_weights(saved)
    assert "head" in str(caught.value)
    assert "\n" not in str(caught.value)
