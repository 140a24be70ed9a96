"""Adapting gives a new extractor, the same one live, stored, and on every process."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from submission.config.settings import AdaptSettings
from submission.data.image_set import ImageSet
from submission.models.extractor import Extractor
from submission.models.frozen import FrozenExtractor
from submission.training.adapt import norms
from submission.training.adapt.adapt import adapt
from submission.training.adapt.norms import estimate_norms
from submission.training.batches import to_unit_range
from submission.training.devices import Devices, one_device, opened_devices
from submission.training.features.store import FeatureStore
from submission.training.precision import Precision
from tests.extractors import make_extractor
from tests.image_sets import rendered_set
from tests.processes import run_in_processes
from tests.test_tuning import make_heads

pytestmark = pytest.mark.usefixtures("narrow_trunk")

CPU = torch.device("cpu")
SINGLE = Precision(torch.float32, "test")
DEVICES = one_device(CPU, SINGLE)
SETTINGS = AdaptSettings(num_tuning_images=16, num_norm_images=32, batch_size=8)
State = dict[str, Tensor]


def dark_images(seed: int = 1) -> "np.typing.NDArray[np.uint8]":
    """Makes images far darker than those that the extractor knows."""
    return np.random.default_rng(seed).integers(0, 40, (48, 64, 64, 3), dtype=np.uint8)


def estimated(num_images: int, seed: int = 0) -> Extractor:
    return estimate_norms(make_extractor(), dark_images(), num_images, seed, DEVICES)


def first_norm(extractor: nn.Module) -> nn.BatchNorm2d:
    return next(layer for layer in extractor.modules() if isinstance(layer, nn.BatchNorm2d))


def frozen() -> FrozenExtractor:
    extractor = make_extractor().requires_grad_(requires_grad=False)
    return FrozenExtractor(extractor, make_heads(), Path("test"), "hash")


def images() -> ImageSet:
    return rendered_set("standin_real")


def adapted(
    folder: Path, settings: AdaptSettings = SETTINGS, devices: Devices = DEVICES
) -> tuple[Extractor, State | None]:
    """Adapts; returns the extractor and the stored state."""
    store = FeatureStore(folder / "store")
    given = frozen()
    before = copy.deepcopy(given.extractor.state_dict())
    live = adapt(
        given, images(), settings, devices, folder / "tune.ckpt", store, lambda share: None
    )
    require_equal(given.extractor.state_dict(), before)
    store.finish()
    return live, store.read_state("adapted", before)


def require_equal(found: State, expected: State) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_statistics_become_those_of_the_new_images_and_weights_stay() -> None:
    before = make_extractor().state_dict()
    new = estimated(48)
    pixels = to_unit_range(torch.from_numpy(dark_images()), CPU)
    with torch.no_grad():
        activations = new.trunk[0](new.standardise(pixels))
    norm = first_norm(new)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    torch.testing.assert_close(
        norm.running_mean, activations.mean(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        norm.running_var, activations.var(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5
    )
    for name, value in new.state_dict().items():
        changes = "running" in name or "num_batches" in name
        assert torch.equal(value, before[name]) != changes, name
    assert not new.training
    assert norm.momentum == 0.1


def test_the_mean_over_batches_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = first_norm(estimated(48)).running_mean
    monkeypatch.setattr(norms, "BATCH_SIZE", 16)
    batches = first_norm(estimated(50)).running_mean
    assert whole is not None
    assert batches is not None
    torch.testing.assert_close(batches, whole, rtol=1e-4, atol=1e-6)


def test_norms_repeat_and_the_seed_decides_which_images_are_used() -> None:
    def means(seed: int) -> Tensor:
        running = first_norm(estimated(16, seed)).running_mean
        assert running is not None
        return running

    assert torch.equal(means(0), means(0))
    assert not torch.equal(means(0), means(1))


def test_nothing_is_done_without_images() -> None:
    given = frozen()
    same = adapt(given, images(), AdaptSettings(), DEVICES, Path("none"), None, lambda share: None)
    assert same is given.extractor


@pytest.mark.parametrize("moves", [False, True])
def test_the_stored_extractor_is_the_live_one(
    moves: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A move to a GPU and back replaces buffers and keeps parameters; here, each move does."""
    if moves:
        apply = nn.Module._apply

        def moved(self: nn.Module, *arguments: object, **named: object) -> nn.Module:
            apply(self, *arguments, **named)  # type: ignore[no-untyped-call]
            for name, buffer in self._buffers.items():
                self._buffers[name] = None if buffer is None else buffer.clone()
            return self

        monkeypatch.setattr(nn.Module, "_apply", moved)
    live, stored = adapted(tmp_path)
    assert stored is not None
    require_equal(stored, live.state_dict())
    before = make_extractor().state_dict()
    changed = {name for name in stored if not torch.equal(stored[name], before[name])}
    assert {name.split(".")[0] for name in changed} == {"trunk", "aggregation"}
    assert any("running_var" in name for name in changed)
    assert any(name.endswith("weight") for name in changed)


def test_a_later_run_takes_the_stored_extractor(tmp_path: Path) -> None:
    first, _ = adapted(tmp_path)
    (tmp_path / "tune.ckpt").write_bytes(b"never read")
    second, _ = adapted(tmp_path)
    require_equal(second.state_dict(), first.state_dict())
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert one.stride() == other.stride()  # so that exported files have the same bytes
        assert not other.requires_grad
    assert not second.training


def adapt_in_process(folder: Path) -> State:
    with opened_devices(cuda=False, precision=SINGLE, backend="gloo") as devices:
        store = FeatureStore(folder / "store") if devices.is_first else None
        checkpoint = folder / "tune.ckpt"
        live = adapt(frozen(), images(), SETTINGS, devices, checkpoint, store, lambda share: None)
        if store is not None:
            store.finish()
        return dict(live.state_dict())


def test_every_process_has_the_stored_extractor(tmp_path: Path) -> None:
    first, second = run_in_processes(2, adapt_in_process, tmp_path)
    stored = FeatureStore(tmp_path / "store").read_state("adapted", first)
    assert stored is not None
    require_equal(second, first)
    require_equal(stored, first)


def test_a_tuning_that_spoils_the_norms_is_refused(tmp_path: Path) -> None:
    """The weights of one huge step are finite, the activations that they give are not."""
    settings = replace(SETTINGS, num_tuning_images=8, learning_rate=1e18)
    with pytest.raises(ValueError, match=r"finite.*Adapt\.learning_rate"):
        adapted(tmp_path, settings)
    assert not (tmp_path / "store").exists()
