import os
import signal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from submission.errors import Stopped
from submission.models.folding import fold
from submission.training.devices import one_device
from submission.training.features import extract
from submission.training.features.extract import extract_features
from submission.training.precision import Precision
from submission.training.transfer import brought_to_cpu
from tests.extractors import make_extractor
from tests.image_sets import random_set

DEVICES = one_device(torch.device("cpu"), Precision(torch.float32, "test"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_features_do_not_depend_on_the_batch_size(dtype: torch.dtype) -> None:
    images = random_set((5, 5)).images
    extractor = fold(make_extractor(), dtype)
    whole = extract_features(extractor, images, DEVICES, batch_size=64)
    parts = extract_features(extractor, images, DEVICES, batch_size=7)
    assert whole.shape == (25, 512)
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-5)


def test_reading_and_computing_ahead_as_for_a_gpu_changes_no_feature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images, extractor = random_set((5, 5, 4)).images, fold(make_extractor())
    plain = extract_features(extractor, images, DEVICES, 16)
    monkeypatch.setattr(extract, "num_readers", lambda device: 4)
    monkeypatch.setattr(extract, "brought_to_cpu", lambda results, _: brought_to_cpu(results, 2))
    shares: list[float] = []
    ahead = extract_features(extractor, images, DEVICES, 16, report=shares.append)
    assert torch.equal(ahead, plain)
    assert shares == pytest.approx([0.16, 0.32, 0.48, 0.64, 0.8, 0.96, 1.0])


def test_an_error_of_reading_is_raised() -> None:
    class Broken(np.ndarray[tuple[int, ...], np.dtype[np.uint8]]):
        def __getitem__(self, rows: slice) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":  # type: ignore[override]
            if rows.start == 8:
                raise OSError("the disk is gone")
            return np.asarray(super().__getitem__(rows))

    images = random_set((2, 5)).images.view(Broken)
    with pytest.raises(OSError, match="the disk is gone"):
        extract_features(fold(make_extractor()), images, DEVICES, 4)


def test_a_compiled_extractor_is_used_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def pays(num_images: int, image_size: int, device: torch.device) -> bool:
        asked.append((num_images, image_size))
        return True

    monkeypatch.setattr(extract, "compiling_pays", pays)
    monkeypatch.setattr(
        extract, "compiled", lambda extractor, size: lambda x: x.new_ones(len(x), 512)
    )
    features = extract_features(fold(make_extractor()), random_set((2, 5)).images, DEVICES, 4)
    assert asked == [(10, 64)]
    assert bool((features == 1).all())


def test_features_are_in_the_order_of_the_images() -> None:
    class Brightness(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.mean(dim=(1, 2, 3))[:, None].expand(-1, 512)

    levels = np.arange(0, 250, 10, dtype=np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (25, 64, 64, 3))
    features = extract_features(Brightness(), images, DEVICES, batch_size=4)
    np.testing.assert_allclose(features[:, 0].numpy(), levels / 255, rtol=1e-5)


def test_half_precision_is_kept_as_asked_and_progress_is_reported() -> None:
    images = random_set((2, 5)).images
    shares: list[float] = []
    half = extract_features(
        fold(make_extractor()), images, DEVICES, 4, torch.float16, report=shares.append
    )
    single = extract_features(fold(make_extractor()), images, DEVICES, 4)
    assert half.dtype == torch.float16
    assert shares == [0.4, 0.8, 1.0]
    torch.testing.assert_close(half.float(), single, rtol=1e-3, atol=1e-6)


def test_a_read_only_file_is_enough() -> None:
    images = random_set((2, 5)).images
    images.setflags(write=False)
    assert extract_features(fold(make_extractor()), images, DEVICES, 4).isfinite().all()


def test_a_signal_stops_after_the_batch_and_says_where() -> None:
    images = random_set((2, 5)).images
    shares: list[float] = []

    def report(share: float) -> None:
        shares.append(share)
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped, match="4 of 10") as stopped:
        extract_features(fold(make_extractor()), images, DEVICES, 4, report=report)
    assert stopped.value.signal_number == signal.SIGTERM
    assert shares == [0.4]
