import io
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from submission.errors import InputError, MissingFileError
from submission.models.export import Representation, export, load_exported
from submission.models.folding import fold
from submission.models.vae import VAE
from tests.extractors import make_extractor
from tests.old_operators import graph_of, too_new_in
from tests.unscorable import script_bytes


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Representation]:
    torch.manual_seed(0)
    representation = Representation(fold(make_extractor()), VAE(512, 5, (32, 32), (32,)).eval())
    path = tmp_path_factory.mktemp("export") / "pytorch_model.pt"
    export(representation, torch.rand(64, 3, 64, 64), path)
    return path, representation


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
