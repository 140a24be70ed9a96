"""`export_model` writes TorchScript of what a user trained, or says why not."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn

import utils_pytorch as kit
from submission.errors import InputError
from tests.kit import Codes, Pair, kit_environment, render_kit_images


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_kit_images(tmp_path_factory.mktemp("kit"))


@pytest.fixture(autouse=True)
def variables(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    with kit_environment(folder) as patch:
        yield patch


torchscript = pytest.mark.filterwarnings("ignore:`torch.jit")


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


class Kept(Codes):
    """Keeps the last codes and all earlier ones, with their gradients' graphs."""

    def __init__(self) -> None:
        super().__init__()
        self.last: Tensor | None = None
        self.history: list[dict[str, Tensor]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.last = super().forward(images)
        self.history.append({"codes": self.last})
        return self.last


class Queue(Codes):
    """Keeps the codes of the last two calls, with their gradients' graphs."""

    def __init__(self) -> None:
        super().__init__()
        self.last: deque[Tensor] = deque(maxlen=2)

    def forward(self, images: Tensor) -> Tensor:
        self.last.append(super().forward(images))
        return self.last[-1]


def normed(norm: Callable[[nn.Module], nn.Module]) -> nn.Module:
    return nn.Sequential(nn.Flatten(), norm(nn.Linear(12288, 5)))


KEEPING: dict[str, Callable[[], nn.Module]] = {
    "weight norm": lambda: normed(nn.utils.parametrizations.weight_norm),
    "older weight norm": lambda: normed(nn.utils.weight_norm),
    "spectral norm": lambda: normed(nn.utils.parametrizations.spectral_norm),
    "older spectral norm": lambda: normed(nn.utils.spectral_norm),
    "kept activations": Kept,
    "a queue of activations": Queue,
    "compiled": lambda: cast(nn.Module, torch.compile(Codes(), backend="eager")),
}


@torchscript
@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated", "ignore:.*Tracer")
@pytest.mark.parametrize("name", KEEPING)
def test_a_trained_model_that_keeps_results_is_exported(name: str, tmp_path: Path) -> None:
    model = KEEPING[name]().train()
    images = torch.rand(8, 3, 64, 64)
    model(images).square().sum().backward()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    path = kit.export_model(model, tmp_path / "m.pt")
    assert model.training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    model(images).square().sum().backward()
    model.load_state_dict(before)
    with torch.no_grad():
        torch.testing.assert_close(kit.import_model(path)(images), model.eval()(images))


@torchscript
def test_a_model_in_float64_is_exported_in_float32_and_a_note_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Codes().double().eval()
    path = kit.export_model(model, tmp_path / "m.pt")
    note = capsys.readouterr().out
    assert "float64" in note
    assert "float32" in note
    assert {tensor.dtype for tensor in model.parameters()} == {torch.float64}
    images = torch.rand(8, 3, 64, 64)
    with torch.no_grad():
        got, expected = kit.import_model(path)(images), model(images.double())
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-5)
    kit.export_model(Codes(), tmp_path / "m.pt")
    assert capsys.readouterr().out == ""


@torchscript
def test_a_model_that_computes_in_float64_keeps_its_types(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Exact(Codes):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images.double())

    model = Exact().double().eval()
    path = kit.export_model(model, tmp_path / "m.pt")
    images = torch.rand(8, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(kit.import_model(path)(images), model(images))
    assert capsys.readouterr().out == ""


class Spoilt(Codes):
    """Codes of which the third is always the same."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, images: Tensor) -> Tensor:
        codes = super().forward(images)
        return torch.cat([codes[:, :2], torch.full_like(codes[:, :1], self.value)], dim=1)


@torchscript
@pytest.mark.parametrize("dataset", ["standin_real", "standin_toy"])
@pytest.mark.parametrize("value", [0.0, 0.3, float("nan"), float("inf")])
def test_a_latent_without_meaning_is_refused(
    value: float, dataset: str, tmp_path: Path, variables: pytest.MonkeyPatch
) -> None:
    """With the images of a data set, and with noise where there is none (standin_toy)."""
    variables.setenv("AICROWD_DATASET_NAME", dataset)
    with pytest.raises(ValueError, match=r"latents \[2\]"):
        kit.export_model(Spoilt(value), tmp_path / "m.pt")
    assert not (tmp_path / "m.pt").exists()
    kit.export_model(Codes(), tmp_path / "m.pt")


class Sparse(Codes):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).to_sparse()


class Failing(Codes):
    def forward(self, images: Tensor, temperature: float | None = None) -> Tensor:
        if temperature is None:
            raise KeyError("temperature")
        return super().forward(images)


def test_what_a_model_raises_is_one_error_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"KeyError.*temperature.*arguments") as caught:
        kit.export_model(Failing(), tmp_path / "m.pt")
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_model_that_cannot_be_copied_is_refused(tmp_path: Path) -> None:
    model = Codes()
    model.lock = threading.Lock()  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"copied.*lock.*script"):
        kit.export_model(model, tmp_path / "m.pt")


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_model_that_draws_random_numbers_is_refused(tmp_path: Path) -> None:
    class Noisy(Codes):
        def forward(self, images: Tensor) -> Tensor:
            codes = super().forward(images)
            return codes + torch.randn_like(codes)

    with pytest.raises(ValueError, match="differ"):
        kit.export_model(Noisy(), tmp_path / "m.pt")
    assert not (tmp_path / "m.pt").exists()


@pytest.mark.parametrize(("model", "got"), [(Pair(), "tuple"), (Sparse(), "sparse_coo")])
def test_a_model_that_returns_something_else_is_refused(
    model: nn.Module, got: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"tensor.*{got}.*export_model"):
        kit.export_model(model, tmp_path / "m.pt")


def test_a_function_is_no_model(tmp_path: Path) -> None:
    function = cast(nn.Module, lambda images: images.mean(dim=(2, 3)))
    with pytest.raises(InputError, match=r"Module.*function.*forward"):
        kit.export_model(function, tmp_path / "m.pt")
