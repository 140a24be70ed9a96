"""A script written for the starter kit runs with `utils_pytorch`, and the kit's faults are gone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import utils_pytorch as kit
from submission.data.standin.render import render_file

ROOT = Path(__file__).parents[1]
GRID = (3, 2, 1, 1, 2, 2, 2)
NUM_IMAGES = 48

several_workers = pytest.mark.filterwarnings("ignore:This DataLoader will create")
torchscript = pytest.mark.filterwarnings("ignore:`torch.jit")

# In the manner of the kit: a pixel VAE, trained through the kit's names alone.
SCRIPT = """
import torch
from torch import nn, optim
from torch.nn import functional as F

import aicrowd_helpers
import utils_pytorch as pyu

aicrowd_helpers.execution_start()
aicrowd_helpers.register_progress(0.)
cuda = pyu.use_cuda()
device = torch.device("cuda" if cuda else "cpu")
torch.manual_seed(1)
train_loader = pyu.get_loader(batch_size=16, iterator_len=96, num_workers=2)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.Conv2d(8, 16, 4, 4), nn.ReLU(), nn.Flatten()
        )
        self.mu, self.logvar = nn.Linear(256, 10), nn.Linear(256, 10)
        self.decoder = nn.Sequential(nn.Linear(10, 3 * 64 * 64), nn.Sigmoid())

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.decoder(z).view(-1, 3, 64, 64), mu, logvar


class RepresentationExtractor(nn.Module):
    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, x):
        return self.vae.mu(self.vae.encoder(x))


model = VAE().to(device)
optimizer = optim.Adam(model.parameters(), lr=3e-3)
losses = []
for epoch in range(6):
    for data in train_loader:
        data = data.to(device).float()
        optimizer.zero_grad()
        decoded, mu, logvar = model(data)
        error = F.binary_cross_entropy(decoded, data, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        loss = (error + kl) / len(data)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    aicrowd_helpers.register_progress(epoch / 6)
assert sum(losses[-6:]) < 0.95 * sum(losses[:6]), losses
assert len(losses) == 6 * len(train_loader.dataset) // 16

pyu.export_model(RepresentationExtractor(model), input_shape=(1, 3, 64, 64))
representor = pyu.make_representor(pyu.import_model(), cuda=False)
images = pyu.get_dataset(seed=3).dataset.sample_observations(5, __import__("numpy").random)
assert representor(images).shape == (5, 10)
print(pyu.get_config(), pyu.get_model_path())
aicrowd_helpers.register_progress(1.)
aicrowd_helpers.submit()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    render_file("standin_real", GRID, folder / "dataset/standin_real/standin_real.npz")
    return folder


@pytest.fixture(autouse=True)
def variables(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AICROWD_OUTPUT_PATH", str(folder / "shared"))
        patch.setenv("AICROWD_EVALUATION_NAME", "mine")
        patch.setenv("AICROWD_DATASET_NAME", "standin_real")
        patch.setenv("DISENTANGLEMENT_LIB_DATA", str(folder / "dataset"))
        patch.delenv("AICROWD_IS_GRADING", raising=False)
        yield patch


def test_a_script_written_for_the_kit_runs(folder: Path) -> None:
    script = folder / "train.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    path = folder / "shared/mine/representation/pytorch_model.pt"
    assert str(path) in done.stdout
    assert "dataset_name='standin_real'" in done.stdout
    assert (path.parent / "results").is_dir()
    codes = kit.import_model(path)(torch.rand(16, 3, 64, 64))
    assert codes.shape == (16, 10)
    assert codes.std() > 0


@several_workers
def test_the_loader_brings_every_image_once_before_any_twice() -> None:
    loader = kit.get_loader(batch_size=8, iterator_len=24, num_workers=2)
    epochs = [torch.cat(list(loader)) for _ in range(4)]
    for pair in (epochs[:2], epochs[2:]):
        assert len(torch.unique(torch.cat(pair).flatten(1), dim=0)) == NUM_IMAGES
    assert not torch.equal(torch.cat(epochs[:2]), torch.cat(epochs[2:]))


@several_workers
def test_workers_do_not_change_what_is_loaded() -> None:
    alone, helped = (
        torch.cat(list(kit.get_loader(iterator_len=40, num_workers=number))) for number in (0, 2)
    )
    assert torch.equal(alone, helped)


def test_an_item_is_a_function_of_its_number_and_the_seed() -> None:
    first, second = kit.get_dataset(iterator_len=10), kit.get_dataset(iterator_len=10)
    assert torch.equal(first[7], second[7])
    assert torch.equal(first[7], first[7])
    other = kit.get_dataset(seed=1, iterator_len=10)
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert len(list(first)) == len(first) == 10
    item = first[0]
    assert item.shape == (3, 64, 64)
    assert item.dtype == torch.float32
    assert 0 <= item.min() < item.max() <= 1


@pytest.mark.parametrize("word", ["False", "false", "0", "no", "off", ""])
def test_false_means_false(word: str, variables: pytest.MonkeyPatch) -> None:
    variables.setattr(torch.cuda, "is_available", lambda: True)
    variables.setenv("AICROWD_CUDA", word)
    assert kit.use_cuda() is False
    variables.delenv("AICROWD_CUDA")
    assert kit.use_cuda() is True


class Codes(nn.Module):
    """Pixels to five codes, with batch statistics that training mode would change."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(12288, 5), nn.BatchNorm1d(5))

    def forward(self, images: Tensor) -> Tensor:
        codes: Tensor = self.layers(images)
        return codes


@torchscript
@pytest.mark.parametrize("use_script_module", [False, True])
@pytest.mark.parametrize("scripted", [False, True])
def test_export_writes_torchscript_and_leaves_the_model_alone(
    tmp_path: Path, use_script_module: bool, scripted: bool
) -> None:
    model: nn.Module = Codes().train()
    given = torch.jit.script(model) if scripted else model
    path = kit.export_model(given, tmp_path / "m.pt", use_script_module=use_script_module)
    assert given.training
    images = torch.rand(8, 3, 64, 64)
    with torch.no_grad():
        expected = model.eval()(images)
        torch.testing.assert_close(torch.jit.load(path)(images), expected)  # type: ignore[no-untyped-call]
        torch.testing.assert_close(kit.import_model(path)(images), expected)


def test_a_representor_uses_evaluation_mode_and_gives_the_mode_back() -> None:
    model = Codes().train()
    images = np.random.default_rng(0).random((6, 64, 64, 3))
    represent = kit.make_representor(model, cuda=False)
    np.testing.assert_array_equal(represent(images), represent(images))
    np.testing.assert_allclose(represent(images)[:2], represent(images[:2]), atol=1e-6)
    assert model.training
    with pytest.raises(ValueError, match="B, H, W, 3"):
        represent(images[0])


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_model_that_draws_random_numbers_is_refused(tmp_path: Path) -> None:
    class Noisy(Codes):
        def forward(self, images: Tensor) -> Tensor:
            codes = super().forward(images)
            return codes + torch.randn_like(codes)

    with pytest.raises(ValueError, match="differ"):
        kit.export_model(Noisy(), tmp_path / "m.pt")
    assert not (tmp_path / "m.pt").exists()


def test_a_model_that_returns_more_than_codes_is_refused(tmp_path: Path) -> None:
    class Tuple(Codes):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
            codes = super().forward(images)
            return codes, codes

    with pytest.raises(ValueError, match="got tuple"):
        kit.export_model(Tuple(), tmp_path / "m.pt")


def test_a_pickled_module_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    torch.save(nn.Linear(2, 2), path)
    with pytest.raises(ValueError, match="TorchScript"):
        kit.import_model(path)


def test_names_and_paths_follow_the_environment(folder: Path) -> None:
    assert kit.get_config() == (str(folder / "shared"), "mine", "standin_real")
    assert kit.get_config().experiment_name == "mine"
    assert kit.get_dataset_name() == "standin_real"
    assert kit.get_model_path("/there", "yours", make=False) == (
        "/there/yours/representation/pytorch_model.pt"
    )
