"""The benchmark of the main job does the same work both ways."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.job import compare_jobs, rival_features
from benchmarks.on_gpu import ON_CPU, ON_GPU
from submission.data.images import open_images
from submission.models.weights import load_weights, save_extractor
from submission.training.batches import to_unit_range
from tests.extractors import make_extractor

pytestmark = pytest.mark.usefixtures("narrow_trunk")

CPU = torch.device("cpu")


def test_each_stage_is_printed_with_its_rival(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "small.safetensors"
    save_extractor(make_extractor(), weights, {})
    ratio = compare_jobs((6, 6, 2, 1, 1, 2, 2), 1, weights, tmp_path)
    printed = capsys.readouterr().out
    table = printed[printed.index("the main job on 288 images, 1 epochs") :].splitlines()[2:]
    rows = {line.split()[0]: line.split()[1:] for line in table}
    assert {"open", "export", "codes"} <= {name for name, row in rows.items() if len(row) == 1}
    assert [name for name, row in rows.items() if len(row) == 3] == [
        "features",
        "fit",
        "features+fit",
    ]
    assert rows["features+fit"][2] == f"{ratio:.2f}"
    assert "expected version" not in printed
    features = rival_features(tmp_path, weights, CPU)
    pixels = torch.from_numpy(np.array(open_images("standin_real", tmp_path).images))
    with torch.no_grad():
        expected = load_weights(weights)[0](to_unit_range(pixels, CPU))
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-4)


def test_a_run_on_a_gpu_takes_at_most_eight_minutes() -> None:
    assert sum(command.limit for command in ON_GPU) <= 8 * 60
    assert [command.name for command in ON_GPU] == [command.name for command in ON_CPU]
