import re
import resource
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from submission.training.devices import one_device
from submission.training.features import identity
from submission.training.features.extract import extract_features
from submission.training.features.identity import (
    PACKAGE,
    SOURCES,
    identity_of_features,
    sources_sha256,
)
from submission.training.features.store import FeatureStore
from submission.training.precision import Precision
from tests.processes import run_in_processes
from tests.sources import imports_of, tree_of

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
    shares: list[float] = []
    store = FeatureStore(tmp_path / "store")
    features = extract_features(extractor, IMAGES, DEVICES, 16, store=store, report=shares.append)
    assert extractor.num_images == 200 - 128
    assert shares == sorted(shares)
    assert shares[0] > 128 / 200
    assert shares[-1] == 1
    assert torch.equal(features, extract(Brightness(), None))
    again = Brightness()
    assert torch.equal(extract(again, store), features)
    assert again.num_images == 0
    store.remove()
    assert list(tmp_path.iterdir()) == []


def test_chunks_have_the_permissions_of_any_other_file(tmp_path: Path) -> None:
    extract(Brightness(), FeatureStore(tmp_path))
    (tmp_path / "other").touch()
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


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
    assert re.search(r"warning.*000000064\.safetensors", capsys.readouterr().out)
    assert store.read(64, torch.empty(64, 512))


def test_a_folder_that_cannot_be_written_costs_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    features = extract(Brightness(), FeatureStore(tmp_path / "file/store"))
    assert torch.equal(features, extract(Brightness(), None))
    printed = capsys.readouterr().out
    assert printed.count("warning") == 1
    assert str(tmp_path / "file/store") in printed


def extract_without_space(folder: Path) -> tuple[Tensor, list[Path]]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    features = extract(Brightness(), FeatureStore(folder / "store"))
    return features.clone(), list(folder.iterdir())


def test_a_disk_without_space_loses_no_features(tmp_path: Path) -> None:
    [(features, left)] = run_in_processes(1, extract_without_space, tmp_path)
    assert torch.equal(features, extract(Brightness(), None))
    assert left == []


def files_of_sources(package: Path) -> list[Path]:
    places = [package / name for name in SOURCES]
    return [
        file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place])
    ]


def test_an_edit_of_any_source_names_the_features_differently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "submission"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("submission.training.features.identity.PACKAGE", package)
    names = {sources_sha256()}
    files = files_of_sources(package)
    for file in files:
        with file.open("a") as end:
            end.write("# edited\n")
        names.add(sources_sha256())
    (package / "training/adapt/another.py").touch()
    names.add(sources_sha256())
    assert len(names) == len(files) + 2


def test_everything_that_features_are_computed_with_is_among_the_sources() -> None:
    """Follows the imports of reading, adaptation and extraction."""
    known = set(files_of_sources(PACKAGE))
    assert all(file.is_file() for file in known)
    not_computing = {
        "config/group.py",
        "config/settings.py",
        "console.py",
        "data/catalogue.py",
        "data/library/sets.py",  # converts to a file, whose hash names the features
        "errors.py",
        "files.py",
        "server/environment.py",
        "training/allocator.py",
        "training/checkpoint.py",
        "training/devices.py",
        "training/features/identity.py",
        "training/features/store.py",
        "training/interruption.py",
        "training/prefetch.py",
        "training/transfer.py",
        "models/vae.py",
    }
    imported = {
        PACKAGE.parent / f"{name.replace('.', '/')}.py"
        for file in known
        for name in imports_of(tree_of(file))
        if name.startswith("submission.")
    }
    missing = {file.relative_to(PACKAGE).as_posix() for file in imported - known if file.is_file()}
    assert missing <= not_computing


def test_facts_and_versions_of_packages_name_the_features(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {identity_of_features(kind=kind, size=8) for kind in ("a", "b", "a")}
    assert len(names) == 2
    monkeypatch.setattr(identity, "version", lambda name: version(name) + ".other")
    names.add(identity_of_features(kind="a", size=8))
    assert len(names) == 3
