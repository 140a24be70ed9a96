import io
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from submission.errors import InputError, MissingFileError
from submission.models.export import Representation, export, load_exported
from submission.models.folding import fold
from submission.models.scorable import check_scorable
from submission.models.vae import VAE
from tests.test_extractor import make_extractor

# Everything that torch 1.8.1 declares; the program beside the file made it.
PLAIN_OPERATORS = {
    (schema.name, schema.overload_name): schema
    for schema in map(
        torch._C.parse_schema,
        Path(__file__).with_name("torch_1_8_operators.txt").read_text().splitlines(),
    )
}
# What holds a traced network together and is no operator.
STRUCTURE = {"prim::Constant", "prim::GetAttr", "prim::ListConstruct", "prim::CallMethod"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Representation]:
    torch.manual_seed(0)
    representation = Representation(fold(make_extractor()), VAE(512, 5, (32, 32), (32,)).eval())
    path = tmp_path_factory.mktemp("export") / "pytorch_model.pt"
    export(representation, torch.rand(64, 3, 64, 64), path)
    return path, representation


def graph_of(path: Path) -> Any:
    """Reads the graph of an exported file, its submodules inlined."""
    return cast(Any, load_exported(path)).inlined_graph


@pytest.mark.parametrize("batch", [1, 8, 16, 64])
def test_the_file_computes_what_the_network_computes(
    exported: tuple[Path, Representation], batch: int
) -> None:
    path, representation = exported
    images = torch.rand(batch, 3, 64, 64)
    with torch.no_grad():
        codes = load_exported(path)(images)
        torch.testing.assert_close(codes, representation(images), rtol=0, atol=1e-5)
    assert codes.shape == (batch, 5)
    assert codes.dtype == torch.float32


def too_new_in(graph: Any) -> set[str]:
    """Names the operators that torch 1.8 lacks or declares with other arguments."""
    found = set()
    for node in graph.nodes():
        if node.kind() in STRUCTURE:
            continue
        schema = torch._C.parse_schema(node.schema())
        old = PLAIN_OPERATORS.get((schema.name, schema.overload_name))
        if old is None or _arguments_of(old) != _arguments_of(schema):
            found.add(node.kind())
    return found


def _arguments_of(schema: Any) -> list[tuple[str, bool]]:
    return [(argument.name, argument.kwarg_only) for argument in schema.arguments]


def test_only_operators_that_torch_1_8_has_are_used(exported: tuple[Path, Representation]) -> None:
    assert too_new_in(graph_of(exported[0])) == set()


def test_an_operator_that_torch_1_8_lacks_is_noticed() -> None:
    class Normalise(torch.nn.Module):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            lengths: torch.Tensor = rows.norm(dim=1, keepdim=True)
            return rows / lengths

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = cast(Any, torch.jit.trace)(Normalise(), torch.rand(2, 3))
    assert too_new_in(traced.inlined_graph) == {"aten::linalg_vector_norm"}


def test_no_device_is_baked_in(exported: tuple[Path, Representation]) -> None:
    """A device in the graph would be a constant, or would be asked of a tensor and passed on."""
    types = [
        output.type().str() for node in graph_of(exported[0]).nodes() for output in node.outputs()
    ]
    assert "Tensor" in types
    assert "Device" not in types


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_it_runs_on_another_device(exported: tuple[Path, Representation]) -> None:
    """A tensor that stayed on the CPU would not meet one on the device `meta`."""
    devices = ["meta", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        moved = cast(Any, torch.jit.load)(str(exported[0]), map_location=device)
        for batch in (1, 16):
            codes = moved(torch.rand(batch, 3, 64, 64).to(device))
            assert codes.device.type == device
            assert codes.shape == (batch, 5)


FRESH = """
import sys, warnings
warnings.simplefilter("ignore")
import numpy as np, torch
path, images, codes = sys.argv[1:]
assert not any(name.startswith("submission") for name in sys.modules)
module = torch.jit.load(path, map_location="cpu").eval()
nhwc = np.load(images, allow_pickle=False)
batch = torch.from_numpy(np.moveaxis(nhwc, 3, 1)).float()
assert not batch.is_contiguous()
with torch.no_grad():
    np.save(codes, module(batch).numpy())
"""


def test_a_process_that_knows_nothing_of_the_code_can_use_it(
    exported: tuple[Path, Representation], tmp_path: Path
) -> None:
    path, representation = exported
    nhwc = np.random.default_rng(0).random((16, 64, 64, 3))
    np.save(tmp_path / "images.npy", nhwc)
    arguments = [str(path), str(tmp_path / "images.npy"), str(tmp_path / "codes.npy")]
    subprocess.run([sys.executable, "-I", "-c", FRESH, *arguments], check=True, cwd=tmp_path)
    with torch.no_grad():
        expected = representation(torch.from_numpy(nhwc).permute(0, 3, 1, 2).float())
    np.testing.assert_allclose(np.load(tmp_path / "codes.npy"), expected.numpy(), rtol=0, atol=1e-5)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"none\.pt.*train_pytorch\.py"):
        load_exported(tmp_path / "none.pt")


def script_bytes(module: nn.Module) -> bytes:
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(cast(Any, torch.jit.script)(module), written)
    return written.getvalue()


def state_bytes() -> bytes:
    written = io.BytesIO()
    torch.save(nn.Linear(3, 2).state_dict(), written)
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "empty"),
        (b"<html>404</html>", "HTML"),
        (b"no TorchScript", "another kind"),
        (script_bytes(nn.Linear(3, 2))[:1000], "cut short"),
        (state_bytes(), "state_dict"),
    ],
    ids=["empty", "html", "other", "truncated", "state_dict"],
)
def test_a_file_of_another_kind_is_called_by_its_kind(
    tmp_path: Path, content: bytes, found: str
) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"model\.pt.*{found}.*export_model"):
        load_exported(path)


class Means(nn.Module):
    """Mean colours as codes, at the scale of codes."""

    def forward(self, images: Tensor) -> Tensor:
        means: Tensor = images.mean(dim=(2, 3)) * 100
        return means


class Pair(Means):
    def forward(self, images: Tensor) -> Any:
        return images.mean(dim=(2, 3)), images


class Squeezed(Means):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3)).squeeze()


class Whole(Means):
    def forward(self, images: Tensor) -> Tensor:
        return (images.mean(dim=(2, 3)) * 100).round().long()


class Undefined(Means):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3)) * torch.tensor([1.0, float("nan"), 1.0])


class Sampled(Means):
    def forward(self, images: Tensor) -> Tensor:
        means = images.mean(dim=(2, 3))
        return means + torch.randn_like(means)


class Together(Means):
    """As a batch norm in training mode does."""

    def forward(self, images: Tensor) -> Tensor:
        means = images.mean(dim=(2, 3))
        return means - means.mean(dim=0)


class Batches(Means):
    def forward(self, images: Tensor) -> Tensor:
        return images.reshape(64, 3, -1).mean(dim=2)


class Double(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2, dtype=torch.float64)

    def forward(self, images: Tensor) -> Tensor:
        codes: Tensor = self.layer(images.mean(dim=(2, 3)))
        return codes


class Constant(Means):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3)) * torch.tensor([1.0, 1.0, 0.0]) + 0.3


class Single(Means):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 2, 3))[:, None]


UNSCORABLE = [
    (Pair(), "tuple.*export_model"),
    (Squeezed(), r"\(1, C\).*\(3,\)"),
    (Whole(), r"float32.*int64.*\.float\(\)"),
    (Undefined(), r"NaN.*\[1\]"),
    (Sampled(), "two calls.*mean of the posterior"),
    (Together(), r"batch of 1 .*eval\(\)"),
    (Batches(), "batch of 8,.*export_model"),
    (Double(), "Double.*export_model"),
]


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
