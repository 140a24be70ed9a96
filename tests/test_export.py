import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from submission.export import Representation, export, load_exported
from submission.models.folding import fold
from submission.models.vae import VAE
from tests.test_extractor import make_extractor

# Operators that PyTorch has had since long before 1.8.
PLAIN_OPERATORS = {
    "aten::_convolution",
    "aten::add",
    "aten::batch_norm",
    "aten::clamp_min",
    "aten::div",
    "aten::flatten",
    "aten::linear",
    "aten::max_pool2d",
    "aten::mul",
    "aten::pow",
    "aten::relu",
    "aten::relu_",
    "aten::sqrt",
    "aten::square",
    "aten::sub",
    "aten::sum",
    "prim::Constant",
    "prim::GetAttr",
    "prim::ListConstruct",
    "prim::CallMethod",
}


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


def test_only_plain_old_operators_are_used(exported: tuple[Path, Representation]) -> None:
    used = {node.kind() for node in graph_of(exported[0]).nodes()}
    assert used - PLAIN_OPERATORS == set()


def test_no_device_is_baked_in(exported: tuple[Path, Representation]) -> None:
    """A device in the graph would be a constant, or would be asked of a tensor and passed on."""
    types = [
        output.type().str() for node in graph_of(exported[0]).nodes() for output in node.outputs()
    ]
    assert "Tensor" in types
    assert "Device" not in types


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


def test_what_is_not_torchscript_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"train_pytorch\.py"):
        load_exported(tmp_path / "none.pt")
    wrong = tmp_path / "wrong.pt"
    wrong.write_bytes(b"no TorchScript")
    with warnings.catch_warnings(), pytest.raises(ValueError, match="TorchScript"):
        load_exported(wrong)
