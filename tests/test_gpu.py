"""What a GPU computes is what the CPU computes; skipped where there is none."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from submission.cli import main
from submission.config.settings import AdaptSettings
from submission.models.extractor import FeatureExtractor
from submission.models.folding import fold
from submission.models.frozen import FrozenExtractor
from submission.models.heads import Heads
from submission.models.weights import save_extractor
from submission.scoring.code_table import load_table
from submission.starter_kit.models import import_model, make_representor
from submission.training.adapt.adapt import adapt
from submission.training.adapt.norms import estimate_norms
from submission.training.adapt.tuning import TuningTask
from submission.training.batches import LabelledImages, read_images
from submission.training.devices import one_device, opened_devices
from submission.training.features import extract
from submission.training.features.extract import extract_features
from submission.training.features.store import FeatureStore
from submission.training.finetune.task import FinetuneTask
from submission.training.precision import Precision
from submission.training.transfer import brought_to_cpu
from tests.extractors import make_extractor
from tests.image_sets import rendered_set
from tests.test_finetune import SETTINGS, run
from tests.vae_training import SINGLE

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

CPU, GPU = torch.device("cpu"), torch.device("cuda")
FORMATS = (torch.float32, torch.bfloat16, torch.float16)
GRID = (2, 2, 1, 1, 1, 4, 4)


@pytest.fixture(autouse=True)
def exact_convolutions() -> Iterator[None]:
    """Without TensorFloat-32, whose products have ten bits."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


def make_heads() -> Heads:
    torch.manual_seed(1)
    return Heads(("object_color", "vertical_axis"), (2, 4), 16.0)


@pytest.mark.parametrize(("dtype", "tolerance"), [*zip(FORMATS, (1e-4, 0.02, 0.003), strict=True)])
def test_features_are_those_of_the_cpu(dtype: torch.dtype, tolerance: float) -> None:
    images, extractor = rendered_set("standin_real").images, make_extractor()
    precision = Precision(dtype, "test")
    there = extract_features(fold(extractor, dtype), images, one_device(GPU, precision), 16)
    here = extract_features(fold(extractor), images, one_device(CPU, SINGLE), 16)
    assert there.device == CPU
    torch.testing.assert_close(there, here, rtol=0, atol=tolerance)


def test_features_of_many_batches_come_back_in_order() -> None:
    images, extractor = rendered_set("standin_real").images, fold(make_extractor())
    there = extract_features(extractor, images, one_device(GPU, SINGLE), 5)
    here = extract_features(fold(make_extractor()), images, one_device(CPU, SINGLE), 16)
    torch.testing.assert_close(there, here, rtol=0, atol=1e-4)


def test_images_are_read_into_pinned_memory() -> None:
    images = LabelledImages([rendered_set("standin_real")])
    rows = np.array([5, 2, 9])
    pixels, factors = images.take(rows, GPU)
    read = read_images(images.sets[0].images, rows, GPU)
    assert all(tensor.is_pinned() for tensor in (pixels, factors, read))
    here, values = images.take(rows)
    assert torch.equal(pixels, here)
    assert torch.equal(read, here)
    assert torch.equal(factors, values)


def test_results_come_back_whole_while_later_ones_are_computed() -> None:
    size = 2048
    results = (
        torch.full((size, size), float(n), device=GPU) @ torch.eye(size, device=GPU)
        for n in range(50)
    )
    for number, result in enumerate(brought_to_cpu(results, 2)):
        assert result.device == CPU
        assert bool((result == number).all())


@pytest.mark.filterwarnings("default")  # the compiler recommends TensorFloat-32
def test_a_compiled_extractor_has_the_same_features(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images, dtype = rendered_set("standin_real").images, torch.float16
    devices = one_device(GPU, Precision(dtype, "test"))
    plain = extract_features(fold(make_extractor(), dtype), images, devices, 24)
    monkeypatch.setattr(extract, "compiling_pays", lambda *arguments: True)
    fast = extract_features(fold(make_extractor(), dtype), images, devices, 24)
    assert "without compiling" not in capsys.readouterr().out
    torch.testing.assert_close(fast, plain, rtol=0, atol=0.003)


def test_batch_norms_are_adapted_to_the_same_statistics() -> None:
    images = rendered_set("standin_real").images
    here, there = (
        estimate_norms(make_extractor(), images, 64, 0, one_device(device, SINGLE)).state_dict()
        for device in (CPU, GPU)
    )
    for name, value in there.items():
        assert value.device == CPU
        torch.testing.assert_close(value, here[name], rtol=1e-3, atol=1e-4)


def test_a_step_of_tuning_is_that_of_the_cpu() -> None:
    images, losses = rendered_set("standin_real").images, []
    settings = AdaptSettings(num_tuning_images=64, batch_size=16)
    for device in (CPU, GPU):
        devices = one_device(device, SINGLE)
        task = TuningTask(make_extractor(), make_heads(), images, settings, devices)
        batch = torch.from_numpy(images[next(task.batches())])
        losses.append([float(task.tune_on(batch)) for _ in range(3)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=5e-3)


@pytest.mark.parametrize("dtype", FORMATS)
def test_the_stored_extractor_is_the_live_one(dtype: torch.dtype, tmp_path: Path) -> None:
    extractor, store = make_extractor(), FeatureStore(tmp_path / "store")
    extractor.requires_grad_(requires_grad=False)
    adapted = adapt(
        FrozenExtractor(extractor, make_heads(), Path(), "hash"),
        rendered_set("standin_real"),
        AdaptSettings(num_tuning_images=64, batch_size=16, augmentation=0.5),
        one_device(GPU, Precision(dtype, "test")),
        tmp_path / "tune.ckpt",
        store,
        lambda share: None,
    )
    store.finish()
    stored = store.read_state("adapted", extractor.state_dict())
    assert stored is not None
    for name, value in adapted.state_dict().items():
        assert value.device == CPU
        assert not value.requires_grad
        assert torch.equal(stored[name], value)


def test_a_step_of_finetuning_is_that_of_the_cpu(tmp_path: Path) -> None:
    images = rendered_set("standin_real", GRID)
    pixels = torch.from_numpy(images.images[:16])
    factors = torch.from_numpy(images.space.index_to_factors(np.arange(16)))
    settings = dataclasses.replace(SETTINGS, augmentation=0.0, dropout=0.0)
    losses = []
    for device in (CPU, GPU):
        torch.manual_seed(0)
        extractor, heads = FeatureExtractor("vgg11_bn", 0.0), Heads(images.space.names, GRID, 16.0)
        devices, labelled = one_device(device, SINGLE), LabelledImages([images])
        task = FinetuneTask(extractor, heads, labelled, settings, devices, tmp_path)
        losses.append([task.train_on(pixels, factors).item() for _ in range(2)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=5e-3)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_a_step_of_finetuning_or_tuning_does_not_wait_for_the_gpu(tmp_path: Path) -> None:
    images = rendered_set("standin_real", GRID)
    labelled, devices = LabelledImages([images]), one_device(GPU, Precision(torch.bfloat16, "test"))
    extractor, heads = FeatureExtractor("vgg11_bn"), Heads(images.space.names, GRID)
    finetuning = FinetuneTask(extractor, heads, labelled, SETTINGS, devices, tmp_path)
    settings = AdaptSettings(num_tuning_images=64, batch_size=16, augmentation=0.5)
    tuning = TuningTask(make_extractor(), make_heads(), images.images, settings, devices)
    pixels, factors = labelled.take(np.arange(16), GPU)

    def take_steps() -> None:
        finetuning.train_on(pixels, factors)
        tuning.tune_on(pixels)

    take_steps()  # makes what later steps use again
    torch.cuda.set_sync_debug_mode("error")
    try:
        take_steps()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("dtype", FORMATS)
def test_finetuning_ends_and_goes_on_from_its_checkpoint(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    devices = one_device(GPU, Precision(dtype, "test"))
    first, again = (run(tmp_path, devices=devices) for _ in range(2))
    assert first.accuracies.keys() == {"validation", "standin_real"}
    assert again.accuracies == first.accuracies
    for name, value in first.extractor.state_dict().items():
        assert value.isfinite().all()
        assert torch.equal(value, again.extractor.state_dict()[name])


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    count = torch.cuda.device_count()
    number = str(count + 1)
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, number)
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    message = f"expected a GPU for each of {number} processes, got {count}"
    with pytest.raises(ValueError, match=message), opened_devices(cuda=None):
        pass


@pytest.mark.parametrize("latents", ["shared", "per_factor"])
@pytest.mark.parametrize("recorded", [False, True])
def test_the_main_job_exports_what_it_trained(
    latents: str, recorded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = rendered_set("standin_real", GRID).images
    data = tmp_path / "dataset/standin_real/standin_real.npz"
    data.parent.mkdir(parents=True)
    np.savez(data, images=images, factor_sizes=np.array(GRID))
    save_extractor(make_extractor(), tmp_path / "small.safetensors", {}, make_heads())
    monkeypatch.setenv("AICROWD_OUTPUT_PATH", str(tmp_path / "shared"))
    monkeypatch.setenv("DISENTANGLEMENT_LIB_DATA", str(tmp_path / "dataset"))
    monkeypatch.setenv("AICROWD_EVALUATION_NAME", "gpu")
    monkeypatch.setenv("AICROWD_CUDA", "true")
    for name in ("AICROWD_DATASET_NAME", "AICROWD_IS_GRADING"):
        monkeypatch.delenv(name, raising=False)
    overrides = [
        f"Extract.weights = '{tmp_path / 'small.safetensors'}'",
        "Adapt.num_tuning_images = 32",
        "Adapt.batch_size = 16",
        "Adapt.num_norm_images = 32",
        f"Fit.latents = '{latents}'",
        "Fit.num_copies = 1",
        f"Fit.cuda_graph = {recorded}",
        "Fit.encoder_widths = (8, 8)",
        "Fit.decoder_widths = (8,)",
        "Fit.batch_size = 16",
        "Fit.num_epochs = 3",
        "Fit.anneal_start = 0",
        "Fit.anneal_end = 2",
    ]
    assert main(["train", *(word for line in overrides for word in ("--set", line))]) == 0
    experiment = tmp_path / "shared/gpu"
    levels = np.array(images, dtype=np.float32) / 255
    here, there = (
        make_representor(import_model(experiment / "representation/pytorch_model.pt"), cuda)(levels)
        for cuda in (False, True)
    )
    np.testing.assert_allclose(there, here, rtol=0, atol=0.01)
    codes = load_table(experiment / "training/codes.safetensors").codes
    assert np.sqrt(np.square(here - codes).mean()) < 0.15 * codes.std()  # bfloat16, untrained
