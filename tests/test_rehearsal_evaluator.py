"""The rehearsal's evaluator takes and refuses the same models as the export."""

from pathlib import Path

import numpy as np
import pytest
from torch import Tensor, nn

from submission.submit.rehearsal.evaluator import check_batches, load_representation
from tests.unscorable import UNSCORABLE, Constant, Means, Single, script_bytes

IMAGES = np.random.RandomState(0).randint(256, size=(80, 64, 64, 3)).astype(np.uint8)
REFUSED = [module for module, _ in UNSCORABLE] + [Constant(), Single()]


class DoubleOutput(Means):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3)).double()


def check(path: Path, content: bytes) -> float:
    path.write_bytes(content)
    return check_batches(load_representation(path, set()), IMAGES)


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize("module", REFUSED, ids=[type(module).__name__ for module in REFUSED])
def test_what_cannot_be_scored_ends_in_one_line(tmp_path: Path, module: nn.Module) -> None:
    with pytest.raises(SystemExit, match=r"^expected .*, got ") as raised:
        check(tmp_path / "model.pt", script_bytes(module))
    assert "\n" not in str(raised.value)


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_file_of_another_kind_ends_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="TorchScript") as raised:
        check(tmp_path / "model.pt", b"<html>404</html>")
    assert "\n" not in str(raised.value)


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize("module", [Means(), DoubleOutput()])
def test_float32_and_float64_codes_are_taken(tmp_path: Path, module: nn.Module) -> None:
    assert check(tmp_path / "model.pt", script_bytes(module)) < 1e-4
