"""Small extractors from a random start, finetuned to compare what they were finetuned on."""

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from experiments.own_extractor import OwnExtractor
from submission.config.configuration import PROJECT
from submission.errors import InputError

__all__ = ["GRID", "REAL", "Finetuning", "data_folder", "finetune_extractor", "shell_line"]

GRID = "6,6,2,3,3,20,20"
REAL = "standin_real"
SETTINGS = (
    "Finetune.architecture='vgg11_bn'",
    "Finetune.start=''",
    "Finetune.head_scale=16.0",
    "Finetune.batch_size=64",
    "Finetune.num_epochs=1",
    "Finetune.images_per_epoch=48000",
    "Finetune.learning_rate=1e-3",
    "Finetune.learning_rate_decay='cosine'",
    "Finetune.axis_softness=0.7",
    "Finetune.num_validation_images=3000",
)
AUGMENTATION = "Finetune.augmentation=0.8"


def data_folder(grid: str) -> str:
    """Where the images of a grid lie, from the project's folder."""
    return f"scratch/experiments/dataset-{grid.replace(',', '-')}"


def shell_line(words: Iterable[str]) -> str:
    """Writes words as a user would type them; values in single quotes go into double ones."""
    return " ".join(f'"{word}"' if "'" in word else word for word in words)


@dataclass(frozen=True)
class Finetuning(OwnExtractor):
    """An extractor of a row's own, which sees as many images as every other's.

    Attributes:
        data: labelled sets that it is finetuned on.
        overrides: settings that differ from `SETTINGS`.
    """

    data: tuple[str, ...]
    overrides: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The command line of the finetuning, from `submission` on."""
        settings = (*SETTINGS, AUGMENTATION, *self.overrides)
        return (
            "submission",
            "finetune",
            *(word for name in self.data for word in ("--data", name)),
            *("--also", REAL),
            *(word for line in settings for word in ("--set", line)),
            *("--output", self.folder),
        )

    @property
    def commands(self) -> tuple[str, ...]:
        """What renders the images and makes the extractor, for a shell."""
        folder = f"DISENTANGLEMENT_LIB_DATA={data_folder(GRID)}"
        rendered = (
            f"python -m submission data render {name} --grid {GRID}" for name in (*self.data, REAL)
        )
        return tuple(
            f"{folder} {command}" for command in (*rendered, f"python -m {shell_line(self.words)}")
        )


def finetune_extractor(finetuning: Finetuning, data: Path) -> None:
    """Makes the extractor if it is not there; continues from its checkpoint if there is one.

    Args:
        finetuning: which.
        data: folder with the images of `GRID`.

    Raises:
        InputError: if finetuning failed; it has printed why.
    """
    if (PROJECT / finetuning.weights).is_file():
        return
    command = ["env", f"DISENTANGLEMENT_LIB_DATA={data}", sys.executable, "-m", *finetuning.words]
    status = subprocess.run(command, cwd=PROJECT).returncode
    if status:
        raise InputError(
            f"expected the finetuning for {finetuning.name} to end well, got status {status}; "
            "its message is above"
        )
