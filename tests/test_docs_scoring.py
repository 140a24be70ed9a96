"""The examples of docs/scoring.md run."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from submission.scoring import score_samples
from submission.scoring.code_files import read_codes

PAGE = Path(__file__).parents[1] / "docs/scoring.md"


class Model(nn.Module):
    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)


def test_codes_of_a_pytorch_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    labels = torch.randint(3, (400, 2), generator=torch.Generator().manual_seed(0))
    images = (labels + 0.1 * torch.randn(labels.shape)).reshape(-1, 1, 2, 1)
    loader = [(images[:250], labels[:250]), (images[250:], labels[250:])]
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    first, _, frames = blocks
    assert len(first.splitlines()) <= 10
    names: dict[str, object] = {"model": Model(), "loader": loader}
    exec(first, names)
    exec(frames, {**names, "score_samples": partial(score_samples, metrics=("irs",))})
    found = read_codes(tmp_path / "codes.npz")
    assert found.factors is not None
    np.testing.assert_array_equal(found.factors, labels)
    np.testing.assert_array_equal(found.codes, images.flatten(1))
