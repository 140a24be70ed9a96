"""What the server cannot score is refused before and after the export."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from submission.errors import InputError
from submission.models.export import export, load_exported
from submission.models.scorable import check_scorable
from tests.unscorable import UNSCORABLE, Constant, Means, Single, script_bytes


@pytest.mark.parametrize(
    ("module", "found"), UNSCORABLE, ids=[type(module).__name__ for module, _ in UNSCORABLE]
)
def test_what_the_server_cannot_score_is_refused_before_and_after_the_export(
    tmp_path: Path, module: nn.Module, found: str
) -> None:
    images = torch.rand(64, 3, 64, 64)
    path = tmp_path / "model.pt"
    with pytest.raises(InputError, match=found):
        export(module, images, path)
    assert not path.exists()
    path.write_bytes(script_bytes(module))
    with pytest.raises(InputError, match=found):
        check_scorable(load_exported(path), images)


@pytest.mark.parametrize(("module", "found"), [(Constant(), r"\[2\].*IRS"), (Single(), "got 1")])
def test_latents_that_cannot_be_scored_are_refused_at_export(
    tmp_path: Path, module: nn.Module, found: str
) -> None:
    with pytest.raises(InputError, match=found):
        export(module, torch.rand(64, 3, 64, 64), tmp_path / "model.pt")
    assert list(tmp_path.iterdir()) == []


class Asserting(Means):
    def forward(self, images: Tensor) -> Tensor:
        assert images.shape[0] == 64, "only 64 images"
        return images.mean(dim=(2, 3))


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_what_a_script_itself_refuses_is_one_error() -> None:
    script = torch.jit.script(Asserting())
    with pytest.raises(InputError, match=r"batch of 8 .*only 64 images.*export_model"):
        check_scorable(script, torch.rand(64, 3, 64, 64))


class Raising(Means):
    """Takes a single image, and raises for others."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, images: Tensor) -> Tensor:
        if len(images) > 1:
            raise self.error
        return super().forward(images)


@pytest.mark.parametrize(
    "error",
    [AssertionError(), KeyError(8), AttributeError("word"), ZeroDivisionError(), MemoryError()],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_module_raises_for_a_batch_is_one_error(
    tmp_path: Path, error: Exception
) -> None:
    told = str(error) or type(error).__name__
    with pytest.raises(InputError, match=rf"batch of 64 .*{told}.*export_model") as caught:
        export(Raising(error), torch.rand(64, 3, 64, 64), tmp_path / "model.pt")
    assert caught.value.__cause__ is error
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_codes_without_values_are_refused() -> None:
    with pytest.raises(InputError, match=r"dense.*meta.*export_model"):
        check_scorable(lambda images: images.mean(dim=(2, 3)).to("meta"), torch.rand(64, 3, 64, 64))
    with pytest.raises(InputError, match=r"dense.*nested.*export_model"):
        check_scorable(
            lambda images: torch.nested.nested_tensor(list(images.mean(dim=(2, 3)))),
            torch.rand(64, 3, 64, 64),
        )


def test_a_model_that_overwrites_its_images_is_told_so() -> None:
    with pytest.raises(InputError, match=r"overwrites them; .*images\.clone"):
        check_scorable(lambda images: images.mul_(0.5).mean(dim=(2, 3)), torch.rand(64, 3, 64, 64))


def test_codes_without_latents_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(64, C\).*\(64, 0\)"):
        check_scorable(lambda images: images.mean(dim=(2, 3))[:, :0], torch.rand(64, 3, 64, 64))


def test_codes_in_float64_are_taken() -> None:
    images = torch.rand(64, 3, 64, 64)
    module = Means()
    codes = check_scorable(lambda batch: module(batch).double(), images)[-1]
    assert codes.dtype == torch.float32
    torch.testing.assert_close(codes, module(images), rtol=1e-5, atol=0)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_module_that_tracing_changes_is_refused(tmp_path: Path) -> None:
    class Branching(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            means = images.mean(dim=(2, 3))
            return means if len(images) > 1 else means.clone() + 1e-4

    with pytest.raises(InputError, match=r"batch of 1\b.*torch\.jit\.script"):
        export(Branching(), torch.rand(64, 3, 64, 64), tmp_path / "model.pt")
