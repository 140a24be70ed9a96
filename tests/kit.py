"""What a script of the starter kit finds: a data set, an environment, a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from torch import Tensor, nn

from submission.data.standin.render import render_file
from tests.run_variables import set_variables

GRID = (3, 2, 1, 1, 2, 2, 2)


NUM_IMAGES = 48


class Codes(nn.Module):
    """Pixels to five codes, with batch statistics that training mode would change."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(12288, 5), nn.BatchNorm1d(5))

    def forward(self, images: Tensor) -> Tensor:
        codes: Tensor = self.layers(images)
        return codes


class Pair(Codes):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        codes = super().forward(images)
        return codes, codes


def render_kit_images(folder: Path) -> Path:
    """Renders the images of the kit's environment, and gives the folder."""
    render_file("standin_real", GRID, folder / "dataset/standin_real/standin_real.npz")
    return folder


@contextmanager
def kit_environment(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """Sets the kit's variables to a folder, in which `dataset` has the images."""
    with pytest.MonkeyPatch.context() as patch:
        set_variables(
            patch, folder, AICROWD_EVALUATION_NAME="mine", AICROWD_DATASET_NAME="standin_real"
        )
        yield patch
