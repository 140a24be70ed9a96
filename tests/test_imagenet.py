"""ImageNet weights; the published files are not at hand, so tests make files of their form."""

import pickle
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torchvision.models import vgg11_bn

from submission.cli import main
from submission.files import sha256_of
from submission.models.extractor import make_trunk
from submission.models.frozen import load_extractor
from submission.models.imagenet import architecture_of, imagenet_file, load_imagenet_trunk
from submission.models.rmac import rmac
from tests.run_variables import set_variables

PUBLISHED = "https://download.pytorch.org/models/vgg19_bn-c79401a0.pth"


def save_as_published(folder: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    """Saves a randomly initialised classifier under a name that holds its hash."""
    torch.manual_seed(3)
    classifier = vgg11_bn(weights=None, num_classes=2)
    classifier.classifier = classifier.classifier[-1:]
    beside = folder / "any.pth"
    torch.save(classifier.state_dict(), beside)
    path = beside.rename(folder / f"vgg11_bn-{sha256_of(beside)[:8]}.pth")
    return path, classifier.features.state_dict()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    return save_as_published(tmp_path_factory.mktemp("imagenet"))


def find(path: Path | str, architecture: str = "vgg11_bn") -> Path:
    found, digest = imagenet_file(architecture, str(path), "do without", "Some.setting")
    assert digest == sha256_of(found)
    return found


def test_the_weights_reach_the_trunk(
    saved: tuple[Path, dict[str, torch.Tensor]], capsys: pytest.CaptureFixture[str]
) -> None:
    path, tensors = saved
    trunk = make_trunk("vgg11_bn")
    load_imagenet_trunk(trunk, find(path))
    for name, value in trunk.state_dict().items():
        assert torch.equal(value, tensors[name]), name
    assert "is not the file that torchvision publishes" in capsys.readouterr().out


def test_stage_1_takes_its_trunk_from_the_file(saved: tuple[Path, dict[str, torch.Tensor]]) -> None:
    path, tensors = saved
    extractor, heads, found, _ = load_extractor("stage1", path.name, path.parent)
    assert (extractor.pool, extractor.input_size) == (rmac, 224)
    assert heads is None
    assert (extractor.architecture, found) == ("vgg11_bn", path)
    assert not extractor.training
    assert torch.equal(extractor.trunk.state_dict()["0.weight"], tensors["0.weight"])


def test_a_changed_file_is_refused(
    saved: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    content = bytearray(saved[0].read_bytes())
    content[-1] ^= 1
    changed = tmp_path / saved[0].name
    changed.write_bytes(content)
    with pytest.raises(ValueError, match=rf"expected .* to be {saved[0].name}"):
        find(changed)


@pytest.mark.parametrize("name", ["vgg19_bn-c79401a0.pth", "other.pth"])
def test_another_file_under_a_name_without_its_hash_is_refused(
    saved: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path, name: str
) -> None:
    other = tmp_path / name
    other.write_bytes(saved[0].read_bytes())
    with pytest.raises(ValueError, match=rf"to be vgg19_bn-c79401a0.pth .*{PUBLISHED}"):
        find(other, "vgg19_bn")


def test_what_holds_no_vgg_is_refused(tmp_path: Path) -> None:
    trunk = make_trunk("vgg11_bn")
    path = tmp_path / "file.pth"
    for content in ({}, {"features.0.weight": torch.zeros(3)}, [1, 2], torch.zeros(2)):
        torch.save(content, path)
        with pytest.raises(ValueError, match="expected the tensors of a VGG in"):
            load_imagenet_trunk(trunk, path)
    for damaged in (b"", b"no tensors", path.read_bytes()[:-40]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="expected the tensors of a VGG in"):
            load_imagenet_trunk(trunk, path)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    path = tmp_path / "trap.pth"
    path.write_bytes(pickle.dumps({"features.0.weight": Trap()}, protocol=2))
    with pytest.raises(ValueError, match="expected the tensors of a VGG in"):
        load_imagenet_trunk(make_trunk("vgg11_bn"), path)
    assert not (tmp_path / "sprung").exists()


def test_the_trunk_is_told_by_the_files_name() -> None:
    assert architecture_of("folder/vgg16_bn-6c64b313.pth") == "vgg16_bn"
    assert architecture_of("imagenet") == architecture_of("my.pth") == "vgg19_bn"


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a proxy where nobody answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    set_variables(monkeypatch, tmp_path)
    for name in ("standin_real", "standin_toy"):
        path = tmp_path / f"dataset/{name}/{name}.npz"
        path.parent.mkdir(parents=True)
        np.savez(path, images=np.zeros((128, 64, 64, 3), np.uint8), factor_sizes=np.full(7, 2))
    return tmp_path


def test_without_the_file_stage_1_says_where_it_is_and_what_runs_without(
    offline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "configs/stage1.gin"]) == 1
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    for words in ("vgg19_bn-c79401a0.pth", PUBLISHED, "Extract.weights", "configs/paper.gin"):
        assert words in error, words
    assert not list((offline / "cache").rglob("*.p*"))
    assert main(["train", "configs/stage1.gin", "--set", "Extract.weights = 'none.pth'"]) == 1
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    for words in ("none.pth", PUBLISHED, "Extract.weights", "configs/paper.gin"):
        assert words in error, words


def test_finetuning_does_not_leave_the_weights_out(
    offline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["finetune", "--data", "standin_toy", "--output", str(offline / "out")]
    assert main(words) == 1
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    for part in (PUBLISHED, "Finetune.start", "start at random"):
        assert part in error, part


def test_one_of_several_processes_downloads_and_the_others_wait(
    saved: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads stand for processes: each opens the lock's file for itself."""
    published, downloads = saved[0], []

    def download(url: str, path: str, hash_prefix: str) -> None:
        downloads.append(url)
        time.sleep(0.2)
        Path(path).write_bytes(published.read_bytes())

    entry = SimpleNamespace(url=f"https://example.org/{published.name}")
    monkeypatch.setattr(
        "submission.models.imagenet.get_model_weights", lambda name: {"IMAGENET1K_V1": entry}
    )
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with ThreadPoolExecutor(3) as pool:
        found = set(pool.map(lambda _: find("imagenet"), range(3)))
    assert found == {tmp_path / "hub/checkpoints" / published.name}
    assert len(downloads) == 1


def test_a_file_in_the_cache_is_checked_before_it_is_used(offline: Path) -> None:
    path = offline / "cache/hub/checkpoints/vgg19_bn-c79401a0.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a download")
    with pytest.raises(ValueError, match=r"expected .*checkpoints.* to be vgg19_bn-c79401a0"):
        find("imagenet", "vgg19_bn")
