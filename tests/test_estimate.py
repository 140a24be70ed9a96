"""How long a run takes: more work lasts longer, and the chosen grid fits the time."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from submission.cli import main
from submission.config.configuration import Configuration, load_configuration
from submission.data.catalogue import FULL_GRID, STANDIN_NAMES, default_grid
from submission.job.duration import durations, grids_of, longest_within
from submission.models.frozen import FrozenExtractor, load_extractor

CPU = torch.device("cpu")
PAPER = load_configuration(Path("configs/paper.gin"))
BEST = load_configuration(Path("configs/best.gin"))


@pytest.fixture(scope="module")
def frozen() -> FrozenExtractor:
    return load_extractor("finetuned", "weights/extractor.safetensors", Path())


def minutes(configuration: Configuration, frozen: FrozenExtractor, rate: float) -> list[float]:
    grids = grids_of("standin_real")
    return [each.minutes for each in durations(configuration, frozen, rate, grids, CPU)]


@pytest.mark.parametrize("name", STANDIN_NAMES)
def test_the_grids_grow_to_the_default(name: str) -> None:
    grids = grids_of(name)
    assert sorted(grids, key=math.prod) == grids
    assert grids[-1] == default_grid(name)


def test_recorded_steps_make_a_run_on_a_gpu_shorter(frozen: FrozenExtractor) -> None:
    """On an H100, the VAE of paper.gin took 281 s on the full grid at 27,000 images/s."""
    gpu = torch.device("cuda")
    computed = dataclasses.replace(PAPER, fit=dataclasses.replace(PAPER.fit, cuda_graph=False))
    recorded = durations(PAPER, frozen, 27_000.0, [FULL_GRID], gpu)[0].minutes
    assert recorded < durations(computed, frozen, 27_000.0, [FULL_GRID], gpu)[0].minutes
    assert 336 / 60 < recorded < 2 * 336 / 60


@pytest.mark.parametrize("configuration", [PAPER, BEST], ids=["paper", "best"])
def test_more_images_and_a_slower_machine_take_longer(
    configuration: Configuration, frozen: FrozenExtractor
) -> None:
    fast, slow = (minutes(configuration, frozen, rate) for rate in (200.0, 100.0))
    assert fast == sorted(set(fast))
    assert all(more > less for more, less in zip(slow, fast, strict=True))


def test_a_larger_part_of_the_work_lasts_longer(frozen: FrozenExtractor) -> None:
    adapted = load_configuration(Path("configs/adapted.gin"))
    longer = dataclasses.replace(PAPER, fit=dataclasses.replace(PAPER.fit, num_epochs=1000))
    assert minutes(BEST, frozen, 100.0) < minutes(adapted, frozen, 100.0)
    assert minutes(longer, frozen, 100.0) > minutes(PAPER, frozen, 100.0)


def test_the_chosen_grid_fits_the_time(frozen: FrozenExtractor) -> None:
    lasting = durations(BEST, frozen, 115.0, grids_of("standin_real"), CPU)
    chosen = longest_within(6.0, lasting)
    assert chosen.minutes <= 6.0
    assert all(
        each.minutes > 6.0 for each in lasting if math.prod(each.sizes) > math.prod(chosen.sizes)
    )


def test_the_command_ends_with_a_grid_to_render(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "configs/paper.gin", "--minutes", "0.01"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "0.01" in lines[-2]
    assert lines[-1] == ",".join(map(str, grids_of("standin_real")[0]))
    (full,) = (line for line in lines if "MPI3D" in line)
    assert "1,036,800" in full
    (memory,) = (line for line in lines if line.startswith("memory"))
    assert 1.0 < float(memory.split(" GiB")[0].split()[-1]) < 16.0


@pytest.mark.parametrize("minutes", ["0", "nan", "-1", "some"])
def test_a_time_that_is_none_is_refused(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "--minutes", minutes]) in (1, 2)
    assert "--minutes" in capsys.readouterr().err
