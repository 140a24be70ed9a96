"""The record of a run: shares rise, files to continue from are deleted at the end, disks refuse."""

import json
from pathlib import Path

import pytest
import torch

from submission.config.configuration import Configuration
from submission.config.settings import ExtractSettings
from submission.errors import OutputError
from submission.job.run_record import RunRecord
from submission.server.environment import Environment


def make_record(
    folder: Path, *, keep_features: bool = False, writes: bool = True
) -> tuple[RunRecord, list[float]]:
    shares: list[float] = []
    configuration = Configuration(extract=ExtractSettings(keep_features=keep_features))
    environment = Environment(folder, "run", "standin_toy", folder, is_grading=False, cuda=False)
    return RunRecord(environment, configuration, shares.append, writes=writes), shares


def test_shares_of_the_run_rise_from_stage_to_stage(tmp_path: Path) -> None:
    record, shares = make_record(tmp_path)
    with record.stage("open", end=0.0):
        pass
    with record.stage("features", end=0.5) as report:
        report(0.5)
        report(1.0)
    with record.stage("fit", end=0.9) as report:
        report(0.25)
    record.finish({})
    assert shares == pytest.approx([0.25, 0.5, 0.6, 1.0])
    notes = json.loads((tmp_path / "run/training/training.json").read_text())
    assert list(notes["seconds"]) == ["open", "features", "fit"]


@pytest.mark.parametrize("keep_features", [False, True])
def test_what_a_run_goes_on_from_is_deleted_when_it_has_ended(
    tmp_path: Path, keep_features: bool
) -> None:
    record, _ = make_record(tmp_path, keep_features=keep_features)
    store = record.feature_store("0123456789abcdef" * 4)
    store.write(0, torch.zeros(2, 512))
    store.finish()
    checkpoint = record.checkpoint("fit")
    checkpoint.touch()
    record.settle_configuration()
    record.finish({"data": "toy"})
    assert not checkpoint.exists()
    assert store.folder.exists() == keep_features
    assert sorted(path.name for path in (tmp_path / "run/training").iterdir()) == [
        "configuration.gin",
        "training.json",
    ]


def test_settings_of_an_earlier_model_stay_until_the_new_model_is_there(tmp_path: Path) -> None:
    earlier = tmp_path / "run/training/configuration.gin"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("earlier")
    record, _ = make_record(tmp_path)
    assert earlier.read_text() == "earlier"
    record.settle_configuration()
    assert "Fit.seed = 0" in earlier.read_text()


def test_other_processes_write_nothing(tmp_path: Path) -> None:
    record, shares = make_record(tmp_path, writes=False)
    with record.stage("features", end=0.5) as report:
        report(1.0)
    assert shares == [0.5]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(OutputError, match="run"):
        make_record(tmp_path)
