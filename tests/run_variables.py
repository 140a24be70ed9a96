"""The server's variables, as a run in a folder of its own finds them."""

from pathlib import Path

import pytest

UNSET = (
    "AICROWD_IS_GRADING",
    "CROWDAI_IS_GRADING",
    "AICROWD_EVALUATION_NAME",
    "AICROWD_DATASET_NAME",
)


def set_variables(patch: pytest.MonkeyPatch, folder: Path, **given: str) -> None:
    """Lets a run write to `shared` and read from `dataset`; what is not given is unset."""
    for name in UNSET:
        patch.delenv(name, raising=False)
    patch.setenv("AICROWD_OUTPUT_PATH", str(folder / "shared"))
    patch.setenv("DISENTANGLEMENT_LIB_DATA", str(folder / "dataset"))
    for name, value in given.items():
        patch.setenv(name, value)
