import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from submission.training.devices import one_device
from submission.training.features.extract import extract_features
from submission.training.features.store import FeatureStore
from submission.training.precision import Precision
from tests.processes import run_in_processes

DEVICES = one_device(torch.device("cpu"), Precision(torch.float32, "test"))
IMAGES = np.random.default_rng(0).integers(0, 256, (200, 64, 64, 3), dtype=np.uint8)


class Brightness(nn.Module):
    """An extractor that counts the images that it is asked for, and may be killed."""

    def __init__(self, limit: int = 10**6) -> None:
        super().__init__()
        self.num_images, self.limit = 0, limit

    def forward(self, images: Tensor) -> Tensor:
        if self.num_images >= self.limit:
            raise KeyboardInterrupt
        self.num_images += len(images)
        return images.mean(dim=(1, 2, 3))[:, None] * torch.linspace(0, 1, 512)


def extract(extractor: nn.Module, store: FeatureStore | None) -> Tensor:
    """Extracts in four chunks, of 64, 64, 64 and 8 images."""
    return extract_features(extractor, IMAGES, DEVICES, batch_size=16, store=store)


def test_an_extraction_goes_on_after_its_last_whole_chunk(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        extract(Brightness(limit=160), store)
    store.finish()
    extractor = Brightness()
    done: list[int] = []
    store = FeatureStore(tmp_path / "store")
    features = extract_features(extractor, IMAGES, DEVICES, 16, advance=done.append, store=store)
    assert extractor.num_images == 200 - 128
    assert sum(done) == 200
    assert torch.equal(features, extract(Brightness(), None))
    again = Brightness()
    assert torch.equal(extract(again, store), features)
    assert again.num_images == 0
    store.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "changed", "other type", "not finite"])
def test_a_damaged_chunk_is_computed_anew(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = FeatureStore(tmp_path / "store")
    features = extract(Brightness(), store)
    path = tmp_path / "store/000000064.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[:-3])
    elif damage == "changed":
        content[-3] ^= 1
        path.write_bytes(content)
    else:
        other = features[64:128].half() if damage == "other type" else features[64:128] * torch.nan
        store.write(64, other)
        store.finish()
    extractor = Brightness()
    assert torch.equal(extract(extractor, store), features)
    assert extractor.num_images == 64
    assert "000000064.safetensors anew" in capsys.readouterr().out
    assert store.read(64, torch.empty(64, 512))


def test_a_folder_that_cannot_be_written_costs_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    features = extract(Brightness(), FeatureStore(tmp_path / "file/store"))
    assert torch.equal(features, extract(Brightness(), None))
    assert capsys.readouterr().out.count("warning: going on without storing") == 1


def extract_without_space(folder: Path) -> tuple[Tensor, list[Path]]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    features = extract(Brightness(), FeatureStore(folder / "store"))
    return features.clone(), list(folder.iterdir())


def test_a_disk_without_space_loses_no_features(tmp_path: Path) -> None:
    [(features, left)] = run_in_processes(1, extract_without_space, tmp_path)
    assert torch.equal(features, extract(Brightness(), None))
    assert left == []
