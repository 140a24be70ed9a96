"""A script written for the starter kit runs with `utils_pytorch`, and the kit's faults are gone."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import utils_pytorch as kit
from submission.errors import InputError
from tests.kit import NUM_IMAGES, Codes, Pair, kit_environment, render_kit_images

ROOT = Path(__file__).parents[1]

several_workers = pytest.mark.filterwarnings("ignore:This DataLoader will create")

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
dataset = pyu.get_dataset(seed=3)
images = dataset.dataset.sample_observations(5, random_state=dataset.random_state)
assert representor(images).shape == (5, 10)
print(pyu.get_config(), pyu.get_model_path())
aicrowd_helpers.register_progress(1.)
aicrowd_helpers.submit()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_kit_images(tmp_path_factory.mktemp("kit"))


@pytest.fixture(autouse=True)
def variables(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    with kit_environment(folder) as patch:
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
def test_a_batch_sampler_decides_the_batches() -> None:
    batches = list(kit.get_loader(batch_sampler=[[0, 1, 2], [3]]))
    assert [len(batch) for batch in batches] == [3, 1]


def test_workers_do_not_change_what_is_loaded() -> None:
    alone, helped = (
        torch.cat(list(kit.get_loader(iterator_len=40, num_workers=number))) for number in (0, 2)
    )
    assert torch.equal(alone, helped)


@several_workers
def test_workers_that_are_sent_the_data_set_map_its_file() -> None:
    loader = kit.get_loader(iterator_len=40, num_workers=2, multiprocessing_context="spawn")
    data = loader.dataset
    assert isinstance(data, kit.DLIBDataset)
    assert data.dataset.num_factors == 7
    assert len(pickle.dumps(data)) < 10_000
    assert torch.equal(torch.cat(list(loader)), torch.cat(list(kit.get_loader(iterator_len=40))))


def test_the_library_samples_with_the_data_sets_own_random_state() -> None:
    first, second, other = (kit.get_dataset(seed=seed) for seed in (5, 5, 6))
    draws = [
        data.load_dataset().sample(4, random_state=data.random_state)[1]
        for data in (first, second, other)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    again = first.dataset.sample_observations(4, first.random_state)
    assert not np.array_equal(draws[0], again)


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


def test_a_representor_uses_evaluation_mode_and_gives_each_mode_back() -> None:
    model = Codes().train()
    model.layers[2].eval()  # frozen statistics inside a model that trains
    modes = [module.training for module in model.modules()]
    images = np.random.default_rng(0).random((6, 64, 64, 3))
    represent = kit.make_representor(model, cuda=False)
    np.testing.assert_array_equal(represent(images), represent(images))
    np.testing.assert_allclose(represent(images)[:2], represent(images[:2]), atol=1e-6)
    assert [module.training for module in model.modules()] == modes
    assert len(set(modes)) == 2
    with pytest.raises(ValueError, match="B, H, W, 3"):
        represent(images[0])
    assert [module.training for module in model.modules()] == modes


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_frozen_script_is_encoded_with() -> None:
    """Such a module has no mode."""
    script = torch.jit.freeze(torch.jit.script(Codes().eval()))
    represent = kit.make_representor(script, cuda=False)
    assert represent(np.random.default_rng(0).random((6, 64, 64, 3))).shape[0] == 6


def test_a_representor_refuses_more_than_codes() -> None:
    represent = kit.make_representor(Pair(), cuda=False)
    with pytest.raises(InputError, match=r"tensor.*tuple"):
        represent(np.zeros((2, 64, 64, 3)))


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
